/*
 * lifetime.c
 *		Lifetimes of customers, straight from subscription rows or a ledger: how long
 *		each one stayed, or has stayed so far.  See docs/lifetime.md.
 *
 * Each customer's changes, as the policy wants them counted, become one lifetime,
 * and one more for each life that the policy tells apart.  Lifetimes are counted
 * as they are found, so the customers are gone over once and none is kept.  What
 * is made of the counts is the estimator's business, see survival.h.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "checks.h"
#include "history.h"
#include "model.h"
#include "report.h"
#include "survival.h"

PG_FUNCTION_INFO_V1(cm_customer_lifetime_km);
PG_FUNCTION_INFO_V1(cm_customer_lifetime_km_query);
PG_FUNCTION_INFO_V1(cm_lifetime_model);
PG_FUNCTION_INFO_V1(cm_lifetime_model_query);
PG_FUNCTION_INFO_V1(cm_customer_lifetimes);
PG_FUNCTION_INFO_V1(cm_customer_lifetimes_query);

#define ARG_AS_OF			1
#define ARG_OBSERVED_FROM	2
#define ARG_CONFIDENCE		3

/* No moment is before this one. */
#define NEVER				PG_INT64_MIN

/* So many days without a start or an end are common, with as_of the default. */
#define QUIET_DAYS			31

/* What is asked for, and the lifetimes as they are found. */
typedef struct Lifetimes
{
	bool		has_as_of;
	bool		has_observed_from;
	DateADT		as_of;			/* the day that is used, once the ledger is known */
	DateADT		observed_from;
	PeriodRequest zone;			/* nothing but the time zone */
	ChurnPolicy policy;

	int64		end;			/* moment of as_of */
	int64		begin;			/* moment of observed_from, or NEVER */

	/* one of the two: */
	SurvivalRows *rows;			/* what a curve needs */
	Tally	   *each;			/* the lifetimes as they are */
} Lifetimes;

/* The words of a lifetime in a tally, in the order in which they are put out. */
enum
{
	WORD_DAYS,
	WORD_CHURNED,
	WORD_ENTRY,
	WORDS
};

/* A date as the session shows it. */
static char *
date_text(DateADT date)
{
	return DatumGetCString(DirectFunctionCall1(date_out, DateADTGetDatum(date)));
}

/* Raises 22023 where nothing would be observed. */
static void
check_span(const Lifetimes *lifetimes)
{
	if (lifetimes->has_observed_from && lifetimes->observed_from >= lifetimes->as_of)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("observed_from must be before as_of, not %s and %s",
						date_text(lifetimes->observed_from), date_text(lifetimes->as_of)),
				 errhint("Lifetimes are seen from observed_from up to as_of; NULL for as_of is today.")));
}

/* The checked arguments: as_of and observed_from, and from "zone" on time_zone and policy; nothing is counted yet. */
static Lifetimes
lifetimes_request(FunctionCallInfo fcinfo, int zone, bool each)
{
	Lifetimes	lifetimes = {0};

	lifetimes.has_as_of = !PG_ARGISNULL(ARG_AS_OF);
	if (lifetimes.has_as_of)
		lifetimes.as_of = finite_date(PG_GETARG_DATEADT(ARG_AS_OF), "as_of");
	lifetimes.has_observed_from = !PG_ARGISNULL(ARG_OBSERVED_FROM);
	if (lifetimes.has_observed_from)
		lifetimes.observed_from = finite_date(PG_GETARG_DATEADT(ARG_OBSERVED_FROM), "observed_from");
	if (lifetimes.has_as_of)
		check_span(&lifetimes);
	if (!PG_ARGISNULL(zone))
	{
		lifetimes.zone.time_zone = PG_GETARG_TEXT_PP(zone);
		/* unknown zones are an error even where no instants need one */
		DirectFunctionCall2(timestamp_zone, PointerGetDatum(lifetimes.zone.time_zone), TimestampGetDatum(0));
	}
	policy_argument(fcinfo, zone + 1, &lifetimes.policy);
	lifetimes.policy.at = false;	/* no periods, so nothing to move between them */
	if (each)
		lifetimes.each = tally_create(CurrentMemoryContext, WORDS);
	else
		lifetimes.rows = survival_rows(CurrentMemoryContext);
	return lifetimes;
}

/* The time between two moments, in days. */
static inline double
days_between(int64 from, int64 to)
{
	return (double) ((int128) to - from) / USECS_PER_DAY;
}

/* Count a lifetime, if it is seen at all; what lies before observed_from is not. */
static inline void
add_lifetime(const Lifetimes *lifetimes, int64 from, int64 to, bool churned)
{
	double		days = days_between(from, to);
	double		entry = 0;

	if (to <= lifetimes->begin)
		return;
	if (from < lifetimes->begin)
		entry = days_between(from, lifetimes->begin);
	if (entry >= days)			/* begins at the end, or the difference is beyond a double */
		return;
	if (lifetimes->each)
	{
		uint64		words[WORDS] = {word_of_double(days), churned, word_of_double(entry)};

		tally_add(lifetimes->each, words, 1);
	}
	else
		survival_add(lifetimes->rows, days, churned, entry, 1);
}

/* Count the lifetimes of one customer: of every life the time to its first end. */
static inline void
take_customer(const Lifetimes *lifetimes, const History *history)
{
	CustomerState state = {0, 0, 0, false};
	bool		ended = false;	/* the life has had its end; what comes then is no part of it */
	bool		running = false;
	int64		from = 0;
	int64		i;

	for (i = 0; i < history->n && history->changes[i].at <= lifetimes->end; i++)
	{
		const LedgerChange *change = &history->changes[i];
		bool		was_active = state.active;

		CHECK_FOR_INTERRUPTS_AT(i);
		if (history->lives && change->rows == NEW_LIFE)
			ended = false;
		apply_change(&state, change, history->by_rows);
		if (!was_active && state.active && !ended)
		{
			running = true;
			from = change->at;
		}
		else if (running && !state.active)
		{
			add_lifetime(lifetimes, from, change->at, true);
			if (!history->lives)
				return;
			running = false;
			ended = true;
		}
	}
	if (running)
		add_lifetime(lifetimes, from, lifetimes->end, false);
}

/* Know what today is: the default of as_of, and the last day that it should be but for one. */
static void
settle_as_of(Lifetimes *lifetimes, const Clock *clock)
{
	DateADT		today = clock->instants ? clock_date(clock, GetCurrentTransactionStartTimestamp()) :
		GetSQLCurrentDate();

	if (!lifetimes->has_as_of)
	{
		lifetimes->as_of = today;
		check_span(lifetimes);
	}
	else if (lifetimes->as_of > today + 1)
		ereport(WARNING,
				(errmsg("as_of lies in the future: %s", date_text(lifetimes->as_of)),
				 errdetail("Customers whose subscription has no end count as if they were known to stay until then."),
				 errhint("Give a day that has passed, or NULL for today.")));
}

/* The last of a customer's changes that is not after "end", or NEVER. */
static inline int64
last_change(const LedgerChange *changes, int64 n, int64 end)
{
	while (n > 0 && changes[n - 1].at > end)
		n--;
	return n > 0 ? changes[n - 1].at : NEVER;
}

/*
 * Tell that the data seem to end long before today, the default of as_of.  Once a
 * statement, however many groups it has: some of them may well be quiet.
 */
static void
tell_quiet(const Lifetimes *lifetimes, const Clock *clock, int64 last)
{
	static TimestampTz told = 0;	/* in this statement */
	DateADT		day;

	if (last == NEVER)
		return;
	day = clock_date(clock, last);
	if (lifetimes->as_of - day <= QUIET_DAYS || told == GetCurrentStatementStartTimestamp())
		return;
	told = GetCurrentStatementStartTimestamp();
	ereport(NOTICE,
			(errmsg("the last start or end is of %s, %d days before as_of", date_text(day), lifetimes->as_of - day),
			 errdetail("as_of was not given, so customers without an end count as if they were known to stay until today."),
			 errhint("Where the data end there, as in an export, give as_of: the day up to which they reach.")));
}

/* Count the lifetimes of all customers of a ledger. */
static void
take_lifetimes(Lifetimes *lifetimes, const Ledger *ledger)
{
	Clock		clock = period_clock(&lifetimes->zone, (ledger->flags & LEDGER_INSTANTS) != 0);
	History		history;
	LedgerScan	scan;
	int64		last = NEVER;

	settle_as_of(lifetimes, &clock);
	if (ledger_is_empty(ledger))
		return;
	lifetimes->end = clock_midnight(&clock, lifetimes->as_of);
	lifetimes->begin = lifetimes->has_observed_from ? clock_midnight(&clock, lifetimes->observed_from) : NEVER;
	customer_history_begin(&history, &lifetimes->policy, &clock, (ledger->flags & LEDGER_HAS_MRR) != 0);
	ledger_scan_begin(&scan, ledger);
	while (ledger_scan_next(&scan))
	{
		customer_history_of(&history, scan.changes, scan.n);
		take_customer(lifetimes, &history);
		if (!lifetimes->has_as_of)
			last = Max(last, last_change(scan.changes, scan.n, lifetimes->end));
	}
	ledger_scan_end(&scan);
	customer_history_end(&history);
	tell_quiet(lifetimes, &clock, last);
}

/* Count the lifetimes of the ledger that the row holds. */
static void
take_ledger(TupleTableSlot *slot, bool has_mrr, void *context)
{
	bool		isnull;
	Datum		datum = slot_getattr(slot, 1, &isnull);
	Ledger		ledger = ledger_argument(datum, isnull, false);

	(void) has_mrr;
	take_lifetimes(context, &ledger);
}

/* The lifetimes of the ledger that is the first argument; time_zone and policy are arguments from "zone" on. */
static Lifetimes
lifetimes_of_ledger(FunctionCallInfo fcinfo, int zone, bool each)
{
	Lifetimes	lifetimes = lifetimes_request(fcinfo, zone, each);
	Ledger		ledger = ledger_argument(PG_ARGISNULL(0) ? (Datum) 0 : PG_GETARG_DATUM(0), PG_ARGISNULL(0), true);

	take_lifetimes(&lifetimes, &ledger);
	return lifetimes;
}

/* The lifetimes of the rows of the query that is the first argument, with or without mrr. */
static Lifetimes
lifetimes_of_query(FunctionCallInfo fcinfo, int zone, bool each)
{
	static const RowsQuery query = {
		{COLUMN_OPTIONAL_MRR},
		"SELECT %1$s.subscription_ledger(customer, started_at, ended_at, mrr) FROM %2$s",
		"SELECT %1$s.subscription_ledger(customer, started_at, ended_at) FROM %2$s"
	};
	Lifetimes	lifetimes;

	check_not_null("query", PG_ARGISNULL(0));
	lifetimes = lifetimes_request(fcinfo, zone, each);
	query_rows(fcinfo, &query, take_ledger, &lifetimes);
	return lifetimes;
}

/* ------------------------------------------------------------------
 * Results
 * ------------------------------------------------------------------
 */

/* The columns of a lifetime_result. */
enum
{
	LIFETIME_CUSTOMERS,
	LIFETIME_CHURNED,
	LIFETIME_CENSORED,
	LIFETIME_MEDIAN,			/* and its bounds, */
	LIFETIME_EXPECTED = LIFETIME_MEDIAN + 3,	/* and its bounds */
	LIFETIME_HORIZON = LIFETIME_EXPECTED + 3,
	LIFETIME_SURVIVAL,
	LIFETIME_WHOLE,
	LIFETIME_AS_OF,
	LIFETIME_FIELDS
};

/* Three columns: the estimate and its bounds. */
static void
put_estimate(const SurvivalEstimate *estimate, Datum *values, bool *nulls)
{
	static const int fields[] = {ESTIMATE_VALUE, ESTIMATE_LOWER, ESTIMATE_UPPER};
	int			i;

	for (i = 0; i < (int) lengthof(fields); i++)
	{
		values[i] = Float8GetDatum(estimate->value[fields[i]]);
		nulls[i] = estimate->null[fields[i]];
	}
}

/*
 * Warn where a curve is at 0 before its last time: at some age all who were
 * observed left, and those who were observed only later count for nothing.
 */
static void
check_early_end(const SurvivalModel *model, double confidence)
{
	int			i = model->n_times - 2;

	if (i < 0 || survival_estimate_at(model, model->times[i], confidence, BOUNDS_LOG_LOG).value[ESTIMATE_VALUE] > 0)
		return;
	ereport(WARNING,
			(errmsg("the curve of lifetimes falls to 0 at an age that other customers have passed"),
			 errdetail("All customers who were observed at that age left, so those who were observed only later do not count."),
			 errhint("See n_risk in survival_table(lifetime_model(...)). Where the history goes back further, an earlier observed_from brings more young customers.")));
}

/* The lifetime_result of what was counted. */
static Datum
lifetime_datum(FunctionCallInfo fcinfo, const Lifetimes *lifetimes, double confidence)
{
	SurvivalModel model;
	Datum		values[LIFETIME_FIELDS];
	bool		nulls[LIFETIME_FIELDS] = {false};

	memset(values, 0, sizeof(values));
	values[LIFETIME_AS_OF] = DateADTGetDatum(lifetimes->as_of);
	if (!survival_model_of(lifetimes->rows, &model))
		memset(nulls + LIFETIME_MEDIAN, true, LIFETIME_AS_OF - LIFETIME_MEDIAN);
	else
	{
		double		horizon = model.times[model.n_times - 1];
		SurvivalEstimate median = survival_quantile_estimate(&model, 0.5, confidence, BOUNDS_LOG_LOG);
		SurvivalEstimate expected = survival_rmst_estimate(&model, horizon, confidence);
		SurvivalEstimate last = survival_estimate_at(&model, horizon, confidence, BOUNDS_LOG_LOG);

		values[LIFETIME_CUSTOMERS] = Int64GetDatum(model.n);
		values[LIFETIME_CHURNED] = Int64GetDatum(model.n_events);
		values[LIFETIME_CENSORED] = Int64GetDatum(model.n - model.n_events);
		put_estimate(&median, values + LIFETIME_MEDIAN, nulls + LIFETIME_MEDIAN);
		put_estimate(&expected, values + LIFETIME_EXPECTED, nulls + LIFETIME_EXPECTED);
		values[LIFETIME_HORIZON] = Float8GetDatum(horizon);
		values[LIFETIME_SURVIVAL] = Float8GetDatum(last.value[ESTIMATE_VALUE]);
		values[LIFETIME_WHOLE] = BoolGetDatum(last.value[ESTIMATE_VALUE] == 0);
		if (last.value[ESTIMATE_VALUE] == 0)
			check_early_end(&model, confidence);
	}
	return composite_datum(fcinfo, values, nulls);
}

/* The survival_model of what was counted; NULL without customers. */
static Datum
model_datum(FunctionCallInfo fcinfo, const Lifetimes *lifetimes)
{
	SurvivalModel model;

	if (!survival_model_of(lifetimes->rows, &model))
		PG_RETURN_NULL();
	return survival_model_datum(fcinfo, &model);
}

/* Put out the lifetimes, one row for all that are the same. */
static void
put_lifetimes(ReturnSetInfo *result, Tally *each)
{
	MemoryContext old;
	Size		i;

	tally_sort(each);
	old = report_rows_begin();
	for (i = 0; i < each->n; i++)
	{
		const uint64 *words = tally_words(each, i);
		Datum		values[4];
		bool		nulls[4] = {false};

		values[0] = Float8GetDatum(double_of_word(words[WORD_DAYS]));
		values[1] = BoolGetDatum(words[WORD_CHURNED] != 0);
		values[2] = Float8GetDatum(double_of_word(words[WORD_ENTRY]));
		values[3] = Int64GetDatum((int64) tally_count(each, i));
		report_row(result, values, nulls);
	}
	report_rows_end(old);
}

/* customer_lifetime_km() of a ledger. */
Datum
cm_customer_lifetime_km(PG_FUNCTION_ARGS)
{
	double		confidence = confidence_argument(fcinfo, ARG_CONFIDENCE);
	Lifetimes	lifetimes = lifetimes_of_ledger(fcinfo, ARG_CONFIDENCE + 1, false);

	return lifetime_datum(fcinfo, &lifetimes, confidence);
}

/* customer_lifetime_km() of the rows of a query. */
Datum
cm_customer_lifetime_km_query(PG_FUNCTION_ARGS)
{
	double		confidence = confidence_argument(fcinfo, ARG_CONFIDENCE);
	Lifetimes	lifetimes = lifetimes_of_query(fcinfo, ARG_CONFIDENCE + 1, false);

	return lifetime_datum(fcinfo, &lifetimes, confidence);
}

/* lifetime_model() of a ledger. */
Datum
cm_lifetime_model(PG_FUNCTION_ARGS)
{
	Lifetimes	lifetimes = lifetimes_of_ledger(fcinfo, ARG_OBSERVED_FROM + 1, false);

	return model_datum(fcinfo, &lifetimes);
}

/* lifetime_model() of the rows of a query. */
Datum
cm_lifetime_model_query(PG_FUNCTION_ARGS)
{
	Lifetimes	lifetimes = lifetimes_of_query(fcinfo, ARG_OBSERVED_FROM + 1, false);

	return model_datum(fcinfo, &lifetimes);
}

/* customer_lifetimes() of a ledger. */
Datum
cm_customer_lifetimes(PG_FUNCTION_ARGS)
{
	Lifetimes	lifetimes = lifetimes_of_ledger(fcinfo, ARG_OBSERVED_FROM + 1, true);

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	put_lifetimes((ReturnSetInfo *) fcinfo->resultinfo, lifetimes.each);
	return (Datum) 0;
}

/* customer_lifetimes() of the rows of a query. */
Datum
cm_customer_lifetimes_query(PG_FUNCTION_ARGS)
{
	Lifetimes	lifetimes = lifetimes_of_query(fcinfo, ARG_OBSERVED_FROM + 1, true);

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	put_lifetimes((ReturnSetInfo *) fcinfo->resultinfo, lifetimes.each);
	return (Datum) 0;
}
