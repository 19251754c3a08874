-- Customer churn and MRR movements by period.  See docs/movements.md.

--each source
CREATE FUNCTION churn_by_period(
    @source@ @type@,
    @series@)
    RETURNS TABLE (
        period_start date,
        period_end date,
        opening_customers bigint,
        new_customers bigint,
        reactivated_customers bigint,
        churned_customers bigint,
        closing_customers bigint,
        transient_customers bigint,
        transient_new_customers bigint,
        churn_rate numeric,
        retention_rate numeric,
        complete boolean)
    AS 'MODULE_PATHNAME', 'cm_churn_by_period@symbol@' LANGUAGE C STABLE PARALLEL @parallel@ COST @cost@ ROWS 60;
COMMENT ON FUNCTION churn_by_period(@type@, @series_types@) IS 'customers, churn and retention by period, @of@';
--end
--each source
CREATE FUNCTION mrr_movements(
    @source@ @type@,
    @series@)
    RETURNS TABLE (
        period_start date,
        period_end date,
        opening_mrr numeric,
        new_mrr numeric,
        reactivation_mrr numeric,
        expansion_mrr numeric,
        contraction_mrr numeric,
        churned_mrr numeric,
        closing_mrr numeric,
        net_new_mrr numeric,
        gross_mrr_churn numeric,
        net_mrr_churn numeric,
        grr numeric,
        nrr numeric,
        quick_ratio numeric,
        closing_customers bigint,
        arpa numeric,
        complete boolean)
    AS 'MODULE_PATHNAME', 'cm_mrr_movements@symbol@' LANGUAGE C STABLE PARALLEL @parallel@ COST @cost@ ROWS 60;
COMMENT ON FUNCTION mrr_movements(@type@, @series_types@) IS 'MRR and its movements by period, @of@';
--end
