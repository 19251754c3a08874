-- The cheapest aggregate over the columns that a report must read: what PostgreSQL's executor takes for the scan alone.
SELECT count(customer_id), min(started_at), max(ended_at), sum(mrr) FROM subs;
