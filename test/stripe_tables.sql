-- The tables in which the Supabase sync engine keeps Stripe's objects, as far as the demo and the benchmark fill them.
CREATE SCHEMA stripe;
CREATE TYPE stripe.subscription_status AS ENUM ('trialing', 'active', 'canceled', 'incomplete', 'incomplete_expired', 'past_due', 'unpaid', 'paused');
CREATE TABLE stripe.customers (id text PRIMARY KEY, object text, name text, email text, currency text, created integer, deleted boolean NOT NULL DEFAULT false);
CREATE TABLE stripe.products (id text PRIMARY KEY, object text, name text, active boolean);
CREATE TABLE stripe.prices (id text PRIMARY KEY, object text, active boolean, currency text, nickname text, product text, recurring jsonb, type text, unit_amount integer, unit_amount_decimal text, billing_scheme text);
CREATE TABLE stripe.subscriptions (id text PRIMARY KEY, object text, customer text, status stripe.subscription_status, items jsonb, start_date integer, created integer, current_period_start integer,
    current_period_end integer, cancel_at integer, cancel_at_period_end boolean, canceled_at integer, ended_at integer, trial_start jsonb, trial_end jsonb, pause_collection jsonb, discount jsonb, plan text);
CREATE TABLE stripe.subscription_items (id text PRIMARY KEY, object text, subscription text, price text, quantity integer, created integer, deleted boolean);
CREATE TABLE stripe.invoices (id text PRIMARY KEY, object text, customer text, subscription text, status text, currency text, total bigint, created integer, period_start integer, period_end integer, lines jsonb,
    status_transitions jsonb);
