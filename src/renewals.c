/*
 * renewals.c
 *		Renewals of terms and conversions of trials: what ended, and how much of it
 *		went on.  See docs/renewals.md.
 *
 * The state is that of subscription_ledger(), one working row for each row of
 * the caller.  But a ledger adds up what happens at one moment, so that an end
 * and the start that answers it would leave nothing.  Therefore every unit of
 * time (a day for dates, a microsecond otherwise) is divided into four slots,
 * and what must be told apart happens in slots of its own:
 *
 *		term		begins in SLOT_COVER, ends in SLOT_ENDED
 *		trial		begins in SLOT_TRIAL, ends in SLOT_ENDED
 *		paid		the stretches beside trials: begin and end in SLOT_COVER
 *
 * So the change in SLOT_ENDED of a moment is minus the number of terms (trials)
 * that end there, and minus their MRR; who runs on covers the moment once the
 * changes in SLOT_COVER, which follow, are counted in.  Nothing else is stored,
 * and a row costs what it costs in a ledger.  The price is the reach of time:
 * four times the years up to LAST_DAY are what a timestamp can hold.
 *
 * Every state has a period in its header, that of the aggregate or all time; its
 * margin is the unit of time in microseconds, and one more for trials.  So no state
 * passes for a ledger, nor trials for terms.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "checks.h"
#include "history.h"
#include "oneperiod.h"
#include "renewals.h"
#include "report.h"

PG_FUNCTION_INFO_V1(cm_renewal_rate_final);
PG_FUNCTION_INFO_V1(cm_mrr_renewal_rate_final);
PG_FUNCTION_INFO_V1(cm_trial_conversion_final);
PG_FUNCTION_INFO_V1(cm_mrr_trial_conversion_final);
PG_FUNCTION_INFO_V1(cm_renewals_by_period_terms);
PG_FUNCTION_INFO_V1(cm_trials_by_period_terms);
PG_FUNCTION_INFO_V1(cm_renewals_by_period);
PG_FUNCTION_INFO_V1(cm_trials_by_period);

/* 70000-01-01 as days since 2000-01-01: 170 times 400 years of the calendar. */
#define LAST_DAY	(INT64CONST(170) * 146097)

StaticAssertDecl(SLOTS * (LAST_DAY + POSTGRES_EPOCH_JDATE) - POSTGRES_EPOCH_JDATE < END_TIMESTAMP / USECS_PER_DAY,
				 "slots must be moments that a timestamp can hold");

/* ------------------------------------------------------------------
 * Rows
 * ------------------------------------------------------------------
 */

/* The microseconds that a time of a row counts. */
static inline int64
time_unit(RowTime time)
{
	return time == ROW_DATE ? USECS_PER_DAY : 1;
}

/* Raises 22008 for a time too far away to be divided into slots. */
static void
check_reach(const char *argument, int64 at, RowTime time)
{
	PGFunction	out = time == ROW_DATE ? date_out : time == ROW_TIMESTAMP ? timestamp_out : timestamptz_out;

	if (likely(at < LAST_DAY * (USECS_PER_DAY / time_unit(time))))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
			 errmsg("%s must be before 70000-01-01 for renewals and trials, not %s", argument,
					DatumGetCString(DirectFunctionCall1(out, time == ROW_DATE ? DateADTGetDatum((DateADT) at) :
														TimestampGetDatum(at)))),
			 errhint("A subscription that still runs has ended_at NULL or infinity.")));
}

/* Raises 22023 for the axes that look over several periods: a term ends in one. */
static void
check_policy(const ChurnPolicy *policy)
{
	bool		lookback = policy->lookback != 1;

	if (lookback || policy->smoothing != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("policy %s must be 1 for renewals and trials, not %d",
						lookback ? "lookback" : "smoothing", lookback ? policy->lookback : policy->smoothing),
				 errhint("Every term ends in one period: choose a longer period, or divide the sums of several rows.")));
}

/* Can a row, with its times as they come, be due in a period or follow what is? */
static inline bool
is_of_period(const SubscriptionRow *row, int64 unit, bool on_trial, const LedgerPeriod *period, const TimeSpan *grace)
{
	int64		end = row->end == ROW_RUNNING ? ROW_RUNNING : row->end * unit;
	int64		last_due = Min(period->until, LAST_DAY * USECS_PER_DAY);

	if (end < period->from)
		return false;
	return on_trial ? end <= last_due : row->start * unit <= last_due + grace->most;
}

/* A time in units as a slot, in units of a slot. */
static inline int64
to_slot(int64 at, int64 unit, Slot slot)
{
	const int64 zero = JULIAN_ZERO / unit;

	return (int64) ((uint64) zero + SLOTS * ((uint64) at - (uint64) zero) + slot);
}

/* The moment that a slot of a ledger belongs to; on any bytes it is one that a timestamp can hold. */
static inline int64
from_slot(int64 at, int64 unit, Slot *slot)
{
	uint64		slots = ((uint64) at - (uint64) JULIAN_ZERO) / (uint64) unit;

	*slot = (Slot) (slots % SLOTS);
	return JULIAN_ZERO + (int64) (slots / SLOTS) * unit;
}

/* A type of customers and of times, and how its rows are read. */
typedef struct RowType
{
	uint8		customer;
	RowTime		time;
	bool		(*read) (FunctionCallInfo fcinfo, bool has_mrr, SubscriptionRow *row);
} RowType;

/*
 * Transition: (state, customer, started_at, ended_at [, mrr] [, on_trial]
 * [, period [, policy]]).
 */
static Datum
term_trans(FunctionCallInfo fcinfo, const RowType *type, bool trials, bool has_mrr, bool has_period)
{
	MemoryContext aggcontext = aggregate_context(fcinfo);
	int64		unit = time_unit(type->time);
	LedgerPeriod period = {MIN_TIMESTAMP, END_TIMESTAMP - 1, unit + trials, {0}};
	uint8		flags = type->customer | LEDGER_HAS_PERIOD | (has_mrr ? LEDGER_HAS_MRR : 0) |
		(type->time == ROW_DATE ? LEDGER_IN_DAYS : 0) |
		(type->time == ROW_TIMESTAMPTZ ? LEDGER_INSTANTS : 0);
	int			argument = has_mrr ? 5 : 4;
	bool		on_trial = false;
	SubscriptionRow row;
	bool		kept;

	if (!type->read(fcinfo, has_mrr, &row))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	check_reach("started_at", row.start, type->time);
	if (row.end != ROW_RUNNING)
		check_reach("ended_at", row.end, type->time);
	if (trials)
	{
		if (PG_ARGISNULL(argument))
			row_null_argument("on_trial");
		on_trial = PG_GETARG_BOOL(argument++);
	}
	kept = row.start != row.end;
	if (has_period)
	{
		TimeSpan	grace = {0};

		check_not_null("period", PG_ARGISNULL(argument));
		period_bounds(PG_GETARG_DATUM(argument), type->time, &period);
		if (++argument < PG_NARGS())
		{
			const PolicyCache *policy = policy_of_row(fcinfo, argument, check_policy);

			flags |= LEDGER_HAS_POLICY;
			memcpy(period.policy, policy->words, sizeof(period.policy));
			grace = time_span(&policy->policy.grace, type->time == ROW_TIMESTAMPTZ);
		}
		kept &= is_of_period(&row, unit, on_trial, &period, &grace);
	}
	row.start = to_slot(row.start, unit, on_trial ? SLOT_TRIAL : SLOT_COVER);
	if (row.end != ROW_RUNNING)
		row.end = to_slot(row.end, unit, trials && !on_trial ? SLOT_COVER : SLOT_ENDED);
	if (trials && !on_trial)
		row.mrr = 0;			/* only what ends is asked for its price */
	PG_RETURN_DATUM(state_add_row(PG_GETARG_DATUM(0), PG_ARGISNULL(0), flags, &period,
								  kept ? &row : NULL, aggcontext));
}

/* One SQL entry point of term_trans. */
#define TERM_ENTRY(function, name, trials, has_mrr, has_period) \
PG_FUNCTION_INFO_V1(function##_##name); \
Datum \
function##_##name(PG_FUNCTION_ARGS) \
{ \
	return term_trans(fcinfo, &type_##name, trials, has_mrr, has_period); \
}

/* The SQL entry points of term_trans for one customer type and one time type. */
#define TERM_TRANS(name, customer, time) \
static bool \
read_##name(FunctionCallInfo fcinfo, bool has_mrr, SubscriptionRow *row) \
{ \
	return row_from_arguments(fcinfo, customer, time, has_mrr, row); \
} \
static const RowType type_##name = {customer, time, read_##name}; \
TERM_ENTRY(cm_renewal_trans, name, false, false, true) \
TERM_ENTRY(cm_mrr_renewal_trans, name, false, true, true) \
TERM_ENTRY(cm_renewal_terms_trans, name, false, true, false) \
TERM_ENTRY(cm_trial_trans, name, true, false, true) \
TERM_ENTRY(cm_mrr_trial_trans, name, true, true, true) \
TERM_ENTRY(cm_trial_terms_trans, name, true, true, false)

TERM_TRANS(bigint_date, LEDGER_CUSTOMER_BIGINT, ROW_DATE)
TERM_TRANS(bigint_timestamp, LEDGER_CUSTOMER_BIGINT, ROW_TIMESTAMP)
TERM_TRANS(bigint_timestamptz, LEDGER_CUSTOMER_BIGINT, ROW_TIMESTAMPTZ)
TERM_TRANS(uuid_date, LEDGER_CUSTOMER_UUID, ROW_DATE)
TERM_TRANS(uuid_timestamp, LEDGER_CUSTOMER_UUID, ROW_TIMESTAMP)
TERM_TRANS(uuid_timestamptz, LEDGER_CUSTOMER_UUID, ROW_TIMESTAMPTZ)
TERM_TRANS(text_date, LEDGER_CUSTOMER_TEXT, ROW_DATE)
TERM_TRANS(text_timestamp, LEDGER_CUSTOMER_TEXT, ROW_TIMESTAMP)
TERM_TRANS(text_timestamptz, LEDGER_CUSTOMER_TEXT, ROW_TIMESTAMPTZ)

/* ------------------------------------------------------------------
 * Counting
 * ------------------------------------------------------------------
 */

/* The terms (trials) that ended in a period, and those of them that went on. */
typedef struct TermCounts
{
	int64		due;
	int64		renewed;
	int128		due_mrr;
	int128		renewed_mrr;
} TermCounts;

/* What is counted, and where. */
typedef struct TermCounter
{
	bool		trials;
	int64		unit;
	bool		at;				/* periods are (a, b] */
	const Clock *clock;
	TimeSpan	grace;
	PeriodGrid	grid;
	TermCounts *counts;			/* by period */
} TermCounter;

/* Is it a state of terms, or of trials?  Sets the microseconds that its times count. */
static bool
has_terms(const Ledger *ledger, bool trials, int64 *unit)
{
	*unit = ledger->period.margin - trials;
	return (ledger->flags & LEDGER_HAS_PERIOD) && (*unit == 1 || *unit == USECS_PER_DAY);
}

/*
 * Count what ended for one customer.  It goes back in time, so that the moment
 * from which the customer is covered again is known before the end it answers.
 */
static void
count_customer(const TermCounter *counter, const LedgerChange *changes, int64 n)
{
	int64		running = 0;	/* rows that cover behind the current change */
	int64		next = PG_INT64_MAX;	/* the first moment behind it at which some do */
	Slot		slot;
	int64		i;

	for (i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS_AT(i);
		(void) from_slot(changes[i].at, counter->unit, &slot);
		if (slot == SLOT_COVER || (slot == SLOT_ENDED && !counter->trials))
			running += changes[i].rows;
	}
	for (i = n - 1; i >= 0; i--)
	{
		const LedgerChange *change = &changes[i];
		int64		at = from_slot(change->at, counter->unit, &slot);
		int			period;

		CHECK_FOR_INTERRUPTS_AT(i);
		if (slot == SLOT_COVER)
		{
			if (running > 0)
				next = at;
			running -= change->rows;
		}
		if (slot != SLOT_ENDED)
			continue;
		period = period_of(&counter->grid, counter->at ? at - 1 : at);
		if (period >= 0 && period < counter->grid.n)
		{
			TermCounts *counts = &counter->counts[period];
			bool		starts = i + 1 < n && (uint64) changes[i + 1].at == (uint64) change->at + (uint64) counter->unit;
			int64		goes_on = running + (starts ? changes[i + 1].rows : 0);

			counts->due -= change->rows;
			counts->due_mrr -= change->mrr;
			if (goes_on > 0 || compare_span(counter->clock, at, next, &counter->grace) <= 0)
			{
				counts->renewed -= change->rows;
				counts->renewed_mrr -= change->mrr;
			}
		}
		if (!counter->trials)
			running -= change->rows;
	}
}

/* Count the terms (trials) of a state by the periods of the counter's grid. */
static void
count_terms(TermCounter *counter, const Ledger *ledger, const ChurnPolicy *policy)
{
	LedgerScan	scan;

	counter->at = policy->at;
	counter->grace = time_span(&policy->grace, counter->clock->instants);
	if (interval_is_zero(&policy->grace))
		counter->grace.most = -1;	/* no gap is as short */
	ledger_scan_begin(&scan, ledger);
	while (ledger_scan_next(&scan))
		count_customer(counter, scan.changes, scan.n);
	ledger_scan_end(&scan);
}

/* ------------------------------------------------------------------
 * One period
 * ------------------------------------------------------------------
 */

/* The counts of a group's state, zeros where there is none. */
static TermCounts
period_counts(FunctionCallInfo fcinfo, bool trials)
{
	TermCounts	counts = {0};
	TermCounter counter = {0};
	ChurnPolicy policy = {0};
	Ledger		ledger;
	/* in UTC: an aggregate's value must not depend on the session's time zone */
	static const Clock clock;

	if (PG_ARGISNULL(0))
		return counts;
	(void) aggregate_context(fcinfo);
	ledger = ledger_of(PG_GETARG_DATUM(0));
	if (!has_terms(&ledger, trials, &counter.unit))
		elog(ERROR, "aggregate state has no terms");
	if ((ledger.flags & LEDGER_HAS_POLICY) && !policy_load(ledger.period.policy, &policy))
		ledger_corrupted();
	counter.trials = trials;
	counter.clock = &clock;
	counter.counts = &counts;
	period_between(ledger.period.from, ledger.period.until, &counter.grid);
	count_terms(&counter, &ledger, &policy);
	return counts;
}

/* The aggregate's value: terms that went on / terms that ended, NULL where none did. */
Datum
cm_renewal_rate_final(PG_FUNCTION_ARGS)
{
	TermCounts	counts = period_counts(fcinfo, false);

	return count_rate(counts.renewed, counts.due, &fcinfo->isnull);
}

/* The aggregate's value: MRR of the terms that went on / of those that ended, NULL where that is zero. */
Datum
cm_mrr_renewal_rate_final(PG_FUNCTION_ARGS)
{
	TermCounts	counts = period_counts(fcinfo, false);

	return money_rate(counts.renewed_mrr, counts.due_mrr, &fcinfo->isnull);
}

/* The aggregate's value: trials that became paid / trials that ended, NULL where none did. */
Datum
cm_trial_conversion_final(PG_FUNCTION_ARGS)
{
	TermCounts	counts = period_counts(fcinfo, true);

	return count_rate(counts.renewed, counts.due, &fcinfo->isnull);
}

/* The aggregate's value: MRR of the trials that became paid / of those that ended, NULL where that is zero. */
Datum
cm_mrr_trial_conversion_final(PG_FUNCTION_ARGS)
{
	TermCounts	counts = period_counts(fcinfo, true);

	return money_rate(counts.renewed_mrr, counts.due_mrr, &fcinfo->isnull);
}

/* ------------------------------------------------------------------
 * Series
 * ------------------------------------------------------------------
 */

typedef struct TermReport
{
	const ReportRequest *request;
	bool		trials;
} TermReport;

/* The rows of a report, one per period. */
static void
put_rows(const TermCounter *counter, bool has_mrr, ReturnSetInfo *result)
{
	const PeriodGrid *grid = &counter->grid;
	MemoryContext old = report_rows_begin();
	int			i;

	for (i = 0; i < grid->n; i++)
	{
		const TermCounts *counts = &counter->counts[i];
		Datum		values[9];
		bool		nulls[9] = {false};

		values[0] = DateADTGetDatum(grid->dates[i]);
		values[1] = DateADTGetDatum(grid->dates[i + 1]);
		values[2] = Int64GetDatum(counts->due);
		values[3] = Int64GetDatum(counts->renewed);
		values[4] = count_rate(counts->renewed, counts->due, &nulls[4]);
		nulls[5] = nulls[6] = nulls[7] = !has_mrr;
		if (has_mrr)
		{
			values[5] = NumericGetDatum(money_to_numeric(counts->due_mrr));
			values[6] = NumericGetDatum(money_to_numeric(counts->renewed_mrr));
			values[7] = money_rate(counts->renewed_mrr, counts->due_mrr, &nulls[7]);
		}
		values[8] = BoolGetDatum(grid->complete[i]);
		report_row(result, values, nulls);
	}
	report_rows_end(old);
}

/* Run a report over the state of all time in a datum; no state is one without rows. */
static void
report_terms(const TermReport *report, Datum datum, bool isnull, bool has_mrr)
{
	const ReportRequest *request = report->request;
	TermCounter counter = {0};
	Ledger		ledger = {0};
	Clock		clock;
	int64		first_start = 0;
	bool		has_rows;

	if (!isnull)
	{
		ledger = ledger_of(datum);
		if (!has_terms(&ledger, report->trials, &counter.unit))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("%s", report->trials ? "trials_by_period needs a value of trial_terms()" :
							"renewals_by_period needs a value of renewal_terms()"),
					 errhint("A subscription_ledger does not keep apart what ends and what begins at one moment.")));
	}
	has_rows = ledger_first_start(&ledger, &first_start);
	if (has_rows)
	{
		Slot		first_slot;

		first_start = from_slot(first_start, counter.unit, &first_slot);
	}
	clock = period_clock(&request->periods, (ledger.flags & LEDGER_INSTANTS) != 0);
	counter.trials = report->trials;
	counter.clock = &clock;
	if (!periods_make(&request->periods, clock.instants, has_rows, first_start, false, &counter.grid))
		return;
	counter.counts = palloc0(counter.grid.n * sizeof(TermCounts));
	if (has_rows)
		count_terms(&counter, &ledger, &request->policy);
	put_rows(&counter, has_mrr, (ReturnSetInfo *) request->fcinfo->resultinfo);
}

/* Run the report over the state that the row holds. */
static void
take_terms(TupleTableSlot *slot, bool has_mrr, void *context)
{
	bool		isnull;
	Datum		datum = slot_getattr(slot, 1, &isnull);

	report_terms(context, datum, isnull, has_mrr);
}

/* The checked arguments of a report. */
static ReportRequest
term_request(FunctionCallInfo fcinfo)
{
	ReportRequest request = report_request(fcinfo, 1);

	check_policy(&request.policy);
	/* a period settles with the grace; how long an absence counts for has no bearing */
	memset(&request.periods.settle[1], 0, sizeof(Interval));
	return request;
}

/* A report over the rows of a query. */
static Datum
term_report_on_query(FunctionCallInfo fcinfo, bool trials, const RowsQuery *query)
{
	ReportRequest request;
	TermReport	report = {&request, trials};

	check_not_null("query", PG_ARGISNULL(0));
	request = term_request(fcinfo);
	query_rows(fcinfo, query, take_terms, &report);
	return (Datum) 0;
}

/* A report over a value of renewal_terms() or trial_terms(). */
static Datum
term_report(FunctionCallInfo fcinfo, bool trials)
{
	ReportRequest request = term_request(fcinfo);
	TermReport	report = {&request, trials};

	report_terms(&report, PG_ARGISNULL(0) ? (Datum) 0 : PG_GETARG_DATUM(0), PG_ARGISNULL(0), true);
	return (Datum) 0;
}

/* renewals_by_period() of what ended. */
Datum
cm_renewals_by_period_terms(PG_FUNCTION_ARGS)
{
	return term_report(fcinfo, false);
}

/* trials_by_period() of what ended. */
Datum
cm_trials_by_period_terms(PG_FUNCTION_ARGS)
{
	return term_report(fcinfo, true);
}

/* renewals_by_period() of the rows of a query, with or without mrr. */
Datum
cm_renewals_by_period(PG_FUNCTION_ARGS)
{
	static const RowsQuery query = {
		{COLUMN_OPTIONAL_MRR},
		"SELECT %1$s.renewal_terms(customer, started_at, ended_at, mrr) FROM %2$s",
		"SELECT %1$s.renewal_terms(customer, started_at, ended_at, 0) FROM %2$s"
	};

	return term_report_on_query(fcinfo, false, &query);
}

/* trials_by_period() of the rows of a query, with or without mrr. */
Datum
cm_trials_by_period(PG_FUNCTION_ARGS)
{
	static const RowsQuery query = {
		{COLUMN_OPTIONAL_MRR, COLUMN_ON_TRIAL},
		"SELECT %1$s.trial_terms(customer, started_at, ended_at, mrr, on_trial) FROM %2$s",
		"SELECT %1$s.trial_terms(customer, started_at, ended_at, 0, on_trial) FROM %2$s"
	};

	return term_report_on_query(fcinfo, true, &query);
}
