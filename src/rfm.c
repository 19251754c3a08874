/*
 * rfm.c
 *		The purchases of one customer in four numbers and a unit of time: how many,
 *		when the last one, since when, how much.  See docs/rfm.md.
 *
 * The models of purchases read such a summary with the functions of rfm.h; the unit
 * of time goes with it and into the model, so that nobody can feed weeks to a model
 * of days.
 */
#include "postgres.h"

#include <math.h>

#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/numeric.h"

#include "checks.h"
#include "compat.h"
#include "model.h"
#include "money.h"
#include "periods.h"
#include "rfm.h"

PG_FUNCTION_INFO_V1(cm_rfm_trans_date);
PG_FUNCTION_INFO_V1(cm_rfm_trans_timestamptz);
PG_FUNCTION_INFO_V1(cm_rfm_combine);
PG_FUNCTION_INFO_V1(cm_rfm_serial);
PG_FUNCTION_INFO_V1(cm_rfm_deserial);
PG_FUNCTION_INFO_V1(cm_rfm_final);

/* The fields of an rfm_summary. */
enum
{
	SUMMARY_X,
	SUMMARY_T_X,
	SUMMARY_T,
	SUMMARY_MEAN_VALUE,
	SUMMARY_UNIT,
	SUMMARY_FIELDS
};

static const char *const summary_fields[SUMMARY_FIELDS] = {"x", "t_x", "t", "mean_value", "unit"};

/* Moments that a new state has room for. */
#define FIRST_MOMENTS		4

/* Moments between two looks for a cancel request. */
#define BLOCK				65536

/* An exact sum of amounts: the common ones in millionths, the rest as numeric. */
typedef struct Amounts
{
	int128		micros;
	Numeric		other;			/* NULL while there are none */
} Amounts;

/*
 * The state of rfm for one customer: 8 bytes for every moment with a purchase, a
 * day or a timestamp, kept to be counted once each.  There is one such state for
 * every customer of a GROUP BY, most of them with a few purchases: hence a list and
 * not a tally, whose table alone takes a kilobyte.
 */
typedef struct RfmState
{
	MemoryContext context;
	Interval	unit;
	bool		days;
	int64		as_of;
	int64		first;
	int64		last;
	Amounts		total;
	Amounts		of_first;		/* of the first moment's purchases */
	int64	   *moments;
	Size		n;
	Size		condensed;		/* so many of them are distinct and in order */
	Size		allocated;
} RfmState;

/* ------------------------------------------------------------------
 * What the models of purchases share
 * ------------------------------------------------------------------
 */

/* An interval as an error message shows it. */
char *
interval_shown(const Interval *interval)
{
	return DatumGetCString(DirectFunctionCall1(interval_out, IntervalPGetDatum(interval)));
}

/* Is it without end?  Such intervals came with version 17. */
bool
interval_endless(const Interval *interval)
{
	return (interval->time == PG_INT64_MAX && interval->day == PG_INT32_MAX && interval->month == PG_INT32_MAX) ||
		(interval->time == PG_INT64_MIN && interval->day == PG_INT32_MIN && interval->month == PG_INT32_MIN);
}

/* Is the interval a unit of time? */
bool
is_unit(const Interval *interval)
{
	return !interval_endless(interval) && interval_span(interval) > 0;
}

/* Raises 22023 unless the interval is a unit of time. */
void
check_unit(const Interval *unit)
{
	if (!is_unit(unit))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unit must be a positive interval, not %s", interval_shown(unit)),
				 errhint("Such as interval '1 day' or interval '1 week'; a month is a twelfth of 365.25 days.")));
}

/*
 * Unite the units of two rows; raises 22023 where one is longer than the other.  Of
 * two names of the same length, such as 1 day and 24:00:00, one is kept, the same
 * in whatever order they come.
 */
void
unite_units(Interval *unit, const Interval *other)
{
	if (interval_span(unit) != interval_span(other))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unit must be the same in every row, not %s and %s", interval_shown(unit), interval_shown(other)),
				 errhint("Summaries and models have one unit of time; make all of them with the same.")));
	if (other->month > unit->month || (other->month == unit->month && other->day > unit->day))
		*unit = *other;
}

/* Take a summary apart; raises 22004 where it has no unit. */
Summary
summary_argument(FunctionCallInfo fcinfo, int argument)
{
	Model		model = model_argument(fcinfo, argument, "rfm_summary", summary_fields, SUMMARY_FIELDS);
	Summary		summary = {0};

	check_not_null("unit of a summary", model.nulls[SUMMARY_UNIT]);
	summary.unit = *DatumGetIntervalP(model.values[SUMMARY_UNIT]);
	check_unit(&summary.unit);
	summary.known = !model.nulls[SUMMARY_X] && !model.nulls[SUMMARY_T_X] && !model.nulls[SUMMARY_T];
	if (summary.known)
	{
		summary.x = DatumGetInt64(model.values[SUMMARY_X]);
		summary.t_x = DatumGetFloat8(model.values[SUMMARY_T_X]);
		summary.t = DatumGetFloat8(model.values[SUMMARY_T]);
	}
	summary.has_mean = !model.nulls[SUMMARY_MEAN_VALUE];
	if (summary.has_mean)
		summary.mean_value = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, model.values[SUMMARY_MEAN_VALUE]));
	return summary;
}

/* A result; raises 22003 where it is not finite. */
double
finite_result(double value, const char *what)
{
	if (isnan(value) || isinf(value))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("%s is out of range for this model and this customer", what)));
	return value;
}

/* ------------------------------------------------------------------
 * Amounts and moments
 * ------------------------------------------------------------------
 */

static void
add_amount(RfmState *state, Amounts *sum, Datum amount)
{
	int64		micros;
	Numeric		value;
	MemoryContext old;

	if (mrr_from_numeric_short(amount, &micros) && numeric_short_is_micros(amount))
	{
		sum->micros += micros;
		return;
	}
	value = DatumGetNumeric(amount);
	check_finite("amount", value);
	old = MemoryContextSwitchTo(state->context);
	value = sum->other ? num_add(sum->other, value) : DatumGetNumericCopy(NumericGetDatum(value));
	if (sum->other)
		pfree(sum->other);
	sum->other = value;
	MemoryContextSwitchTo(old);
}

/* Add one sum to another. */
static void
add_amounts(RfmState *state, Amounts *sum, const Amounts *more)
{
	sum->micros += more->micros;
	if (more->other)
		add_amount(state, sum, NumericGetDatum(more->other));
}

/* A sum as numeric. */
static Numeric
amounts_numeric(const Amounts *sum)
{
	Numeric		value = money_to_numeric(sum->micros);

	return sum->other ? num_add(value, sum->other) : value;
}

/* Forget a sum. */
static void
clear_amounts(Amounts *sum)
{
	if (sum->other)
		pfree(sum->other);
	memset(sum, 0, sizeof(Amounts));
}

/* Order of moments; looks for a cancel request, since sorting millions of them takes a while. */
static int
compare_moments(const void *a, const void *b)
{
	int64		left = *(const int64 *) a;
	int64		right = *(const int64 *) b;

	CHECK_FOR_INTERRUPTS();
	return left < right ? -1 : left > right;
}

/* Make the moments distinct and bring them in order. */
static void
condense_moments(RfmState *state)
{
	Size		n = 0;
	Size		i;

	if (state->condensed == state->n)
		return;
	qsort(state->moments, state->n, sizeof(int64), compare_moments);
	for (i = 0; i < state->n; i++)
		if (n == 0 || state->moments[n - 1] != state->moments[i])
			state->moments[n++] = state->moments[i];
	state->n = n;
	state->condensed = n;
}

/* Add a moment; moments that come in order stay so. */
static void
add_moment(RfmState *state, int64 moment)
{
	if (state->n > 0 && state->moments[state->n - 1] == moment)
		return;
	if (state->n == state->allocated)
	{
		condense_moments(state);
		if (state->n > state->allocated / 2)
		{
			check_fit_memory(2 * state->allocated * sizeof(int64));
			state->moments = repalloc_huge(state->moments, 2 * state->allocated * sizeof(int64));
			state->allocated *= 2;
		}
	}
	if (state->condensed == state->n && (state->n == 0 || state->moments[state->n - 1] < moment))
		state->condensed++;
	state->moments[state->n++] = moment;
}

/* ------------------------------------------------------------------
 * The aggregate
 * ------------------------------------------------------------------
 */

/* A state without purchases. */
static RfmState *
create_state(MemoryContext context, const Interval *unit, bool days, int64 as_of)
{
	RfmState   *state = MemoryContextAllocZero(context, sizeof(RfmState));

	state->context = context;
	state->unit = *unit;
	state->days = days;
	state->as_of = as_of;
	state->moments = MemoryContextAlloc(context, FIRST_MOMENTS * sizeof(int64));
	state->allocated = FIRST_MOMENTS;
	return state;
}

/* Raises 22023 unless a row has the state's as_of and unit. */
static void
check_same(RfmState *state, int64 as_of, const Interval *unit)
{
	unite_units(&state->unit, unit);
	if (state->as_of != as_of)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("as_of must be the same in every row"),
				 errhint("It is the day up to which purchases are known, one for all.")));
}

/* The state of a customer, made by the first row. */
static RfmState *
rfm_state(FunctionCallInfo fcinfo, int64 as_of, bool days)
{
	MemoryContext context = fit_context(fcinfo);
	const Interval *unit;
	RfmState   *state;

	check_not_null("unit", PG_ARGISNULL(4));
	unit = PG_GETARG_INTERVAL_P(4);
	if (PG_ARGISNULL(0))
	{
		check_unit(unit);
		return create_state(context, unit, days, as_of);
	}
	state = (RfmState *) PG_GETARG_POINTER(0);
	check_same(state, as_of, unit);
	return state;
}

/* Add a purchase. */
static void
add_purchase(RfmState *state, int64 moment, Datum amount)
{
	if (moment > state->as_of)
		return;
	if (state->n == 0 || moment < state->first)
	{
		state->first = moment;
		clear_amounts(&state->of_first);
	}
	state->last = state->n == 0 ? moment : Max(state->last, moment);
	add_amount(state, &state->total, amount);
	if (moment == state->first)
		add_amount(state, &state->of_first, amount);
	add_moment(state, moment);
}

/* A timestamp argument; raises 22023 if it is infinite. */
static TimestampTz
finite_timestamp(TimestampTz moment, const char *argument)
{
	if (TIMESTAMP_NOT_FINITE(moment))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be a moment, not %s", argument, moment < 0 ? "-infinity" : "infinity")));
	return moment;
}

/* rfm(day, amount, as_of, unit): one purchase. */
Datum
cm_rfm_trans_date(PG_FUNCTION_ARGS)
{
	RfmState   *state;

	check_not_null("as_of", PG_ARGISNULL(3));
	state = rfm_state(fcinfo, finite_date(PG_GETARG_DATEADT(3), "as_of"), true);
	if (!PG_ARGISNULL(1) && !PG_ARGISNULL(2))
		add_purchase(state, finite_date(PG_GETARG_DATEADT(1), "day"), PG_GETARG_DATUM(2));
	PG_RETURN_POINTER(state);
}

/* rfm(ts, amount, as_of, unit): one purchase. */
Datum
cm_rfm_trans_timestamptz(PG_FUNCTION_ARGS)
{
	RfmState   *state;

	check_not_null("as_of", PG_ARGISNULL(3));
	state = rfm_state(fcinfo, finite_timestamp(PG_GETARG_TIMESTAMPTZ(3), "as_of"), false);
	if (!PG_ARGISNULL(1) && !PG_ARGISNULL(2))
		add_purchase(state, finite_timestamp(PG_GETARG_TIMESTAMPTZ(1), "ts"), PG_GETARG_DATUM(2));
	PG_RETURN_POINTER(state);
}

/* Unite two states of one customer, of which either may be NULL. */
/* Unite two states of one customer, of which either may be NULL. */
Datum
cm_rfm_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = fit_context(fcinfo);
	RfmState   *state = PG_ARGISNULL(0) ? NULL : (RfmState *) PG_GETARG_POINTER(0);
	RfmState   *other = PG_ARGISNULL(1) ? NULL : (RfmState *) PG_GETARG_POINTER(1);
	Size		i;

	if (other == NULL)
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}
	if (state == NULL)
		state = create_state(context, &other->unit, other->days, other->as_of);
	check_same(state, other->as_of, &other->unit);
	if (other->n == 0)
		PG_RETURN_POINTER(state);
	if (state->n == 0 || other->first < state->first)
		clear_amounts(&state->of_first);
	if (state->n == 0 || other->first <= state->first)
		add_amounts(state, &state->of_first, &other->of_first);
	add_amounts(state, &state->total, &other->total);
	state->first = state->n == 0 ? other->first : Min(state->first, other->first);
	state->last = state->n == 0 ? other->last : Max(state->last, other->last);
	for (i = 0; i < other->n; i++)
	{
		if (i % BLOCK == 0)
			CHECK_FOR_INTERRUPTS();
		add_moment(state, other->moments[i]);
	}
	PG_RETURN_POINTER(state);
}

/* Write a sum. */
static void
send_amounts(StringInfo buffer, const Amounts *sum)
{
	bytea	   *other = sum->other ? DatumGetByteaPP(DirectFunctionCall1(numeric_send, NumericGetDatum(sum->other))) : NULL;

	pq_sendint64(buffer, (uint64) (sum->micros >> 64));
	pq_sendint64(buffer, (uint64) sum->micros);
	pq_sendint32(buffer, other ? VARSIZE_ANY_EXHDR(other) : 0);
	if (other)
		pq_sendbytes(buffer, VARDATA_ANY(other), VARSIZE_ANY_EXHDR(other));
}

/* Read what send_amounts wrote. */
static void
receive_amounts(RfmState *state, StringInfo buffer, Amounts *sum)
{
	uint64		high = pq_getmsgint64(buffer);
	uint64		low = pq_getmsgint64(buffer);
	int			length = pq_getmsgint(buffer, 4);

	sum->micros = (int128) (((uint128) high << 64) | low);
	if (length > 0)
	{
		StringInfoData part;
		MemoryContext old = MemoryContextSwitchTo(state->context);

		initStringInfo(&part);
		appendBinaryStringInfo(&part, pq_getmsgbytes(buffer, length), length);
		sum->other = DatumGetNumeric(DirectFunctionCall3(numeric_recv, PointerGetDatum(&part),
														 ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
		pfree(part.data);
		MemoryContextSwitchTo(old);
	}
}

/* Write a state for another process. */
Datum
cm_rfm_serial(PG_FUNCTION_ARGS)
{
	RfmState   *state = (RfmState *) PG_GETARG_POINTER(0);
	StringInfoData buffer;
	Size		i;

	fit_context(fcinfo);
	condense_moments(state);
	pq_begintypsend(&buffer);
	pq_sendint32(&buffer, state->unit.month);
	pq_sendint32(&buffer, state->unit.day);
	pq_sendint64(&buffer, state->unit.time);
	pq_sendbyte(&buffer, state->days);
	pq_sendint64(&buffer, state->as_of);
	pq_sendint64(&buffer, state->first);
	pq_sendint64(&buffer, state->last);
	send_amounts(&buffer, &state->total);
	send_amounts(&buffer, &state->of_first);
	pq_sendint64(&buffer, state->n);
	for (i = 0; i < state->n; i++)
	{
		if (i % BLOCK == 0)
			CHECK_FOR_INTERRUPTS();
		pq_sendint64(&buffer, state->moments[i]);
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

/* Read what cm_rfm_serial wrote. */
Datum
cm_rfm_deserial(PG_FUNCTION_ARGS)
{
	MemoryContext context = fit_context(fcinfo);
	StringInfoData buffer = message_of(PG_GETARG_BYTEA_PP(0));
	RfmState   *state = MemoryContextAllocZero(context, sizeof(RfmState));
	Size		i;

	state->context = context;
	state->unit.month = (int32) pq_getmsgint(&buffer, 4);
	state->unit.day = (int32) pq_getmsgint(&buffer, 4);
	state->unit.time = pq_getmsgint64(&buffer);
	state->days = pq_getmsgbyte(&buffer) != 0;
	state->as_of = pq_getmsgint64(&buffer);
	state->first = pq_getmsgint64(&buffer);
	state->last = pq_getmsgint64(&buffer);
	receive_amounts(state, &buffer, &state->total);
	receive_amounts(state, &buffer, &state->of_first);
	state->n = pq_getmsgint64(&buffer);
	if (state->n > (Size) (buffer.len - buffer.cursor) / sizeof(int64))
		elog(ERROR, "unexpected state of an aggregate");
	state->condensed = state->n;
	state->allocated = Max(state->n, FIRST_MOMENTS);
	check_fit_memory(state->allocated * sizeof(int64));
	state->moments = MemoryContextAllocHuge(context, state->allocated * sizeof(int64));
	for (i = 0; i < state->n; i++)
	{
		if (i % BLOCK == 0)
			CHECK_FOR_INTERRUPTS();
		state->moments[i] = pq_getmsgint64(&buffer);
	}
	pq_getmsgend(&buffer);
	PG_RETURN_POINTER(state);
}

/* rfm: the summary, NULL without a purchase. */
Datum
cm_rfm_final(PG_FUNCTION_ARGS)
{
	RfmState   *state = PG_ARGISNULL(0) ? NULL : (RfmState *) PG_GETARG_POINTER(0);
	Datum		values[SUMMARY_FIELDS] = {0};
	bool		nulls[SUMMARY_FIELDS] = {false};
	double		unit;

	fit_context(fcinfo);
	if (state == NULL || state->n == 0)
		PG_RETURN_NULL();
	condense_moments(state);
	unit = (double) interval_span(&state->unit);
	if (state->days)
		unit /= (double) USECS_PER_DAY;
	values[SUMMARY_X] = Int64GetDatum((int64) state->n - 1);
	values[SUMMARY_T_X] = Float8GetDatum((double) ((int128) state->last - state->first) / unit);
	values[SUMMARY_T] = Float8GetDatum((double) ((int128) state->as_of - state->first) / unit);
	nulls[SUMMARY_MEAN_VALUE] = state->n == 1;
	if (state->n > 1)
	{
		Numeric		repeats = num_sub(amounts_numeric(&state->total), amounts_numeric(&state->of_first));

		values[SUMMARY_MEAN_VALUE] = NumericGetDatum(num_div(repeats, int64_to_numeric((int64) state->n - 1)));
	}
	values[SUMMARY_UNIT] = IntervalPGetDatum(&state->unit);
	PG_RETURN_DATUM(composite_datum(fcinfo, values, nulls));
}
