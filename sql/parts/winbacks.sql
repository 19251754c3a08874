-- Customers won back.  See docs/winbacks.md.
--since 0.2.0

--each source
CREATE FUNCTION win_backs_by_period(
    @source@ @type@,
    @series@)
    RETURNS TABLE (
        period_start date,
        period_end date,
        won_back_customers bigint,
        mean_days_away numeric,
        median_days_away numeric,
        lost_mrr numeric,
        regained_mrr numeric,
        regained_share numeric,
        complete boolean)
    AS 'MODULE_PATHNAME', 'cm_win_backs_by_period@symbol@' LANGUAGE C STABLE PARALLEL @parallel@ COST @cost@ ROWS 60;
COMMENT ON FUNCTION win_backs_by_period(@type@, @series_types@) IS 'reactivated customers by period: time away, MRR lost and regained, @of@';
--end
