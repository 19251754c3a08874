/*
 * experiments.c
 *		Did it work: two shares compared, differences in differences, and how many
 *		customers an experiment needs.  See docs/experiments.md for the formulas
 *		and their sources.
 *
 * uplift() keeps counts (counts.h).  did() has two states of its own:
 *
 * Without units, a CellSum for each of the four cells: the number of values and
 * the sums of their distances from the first one and of the squares of those, to
 * twice the precision of a double.  The distances keep the variance of values
 * that are large beside it; the precision makes the sums the same in any order
 * and in any plan, up to the last digits, even where the first value is an
 * outlier.  Two such sums are combined by moving one to the other's first value.
 *
 * With units, a hash table of 72 bytes a unit with the unit's own sums before and
 * after; at most three quarters full, and twice as large after growing.  Units
 * are sorted by their keys before they are summed, so that it does not matter in
 * which order they came.  A key is that of the ledger's customers (rows.h): a
 * bijection of a bigint or uuid, 128 bits of hash of a text.
 */
#include "postgres.h"

#include <float.h>

#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "compat.h"
#include "counts.h"
#include "intervals.h"
#include "model.h"
#include "numerics.h"
#include "rows.h"

PG_FUNCTION_INFO_V1(cm_uplift_test);
PG_FUNCTION_INFO_V1(cm_uplift_trans);
PG_FUNCTION_INFO_V1(cm_uplift_confidence_trans);
PG_FUNCTION_INFO_V1(cm_uplift_combine);
PG_FUNCTION_INFO_V1(cm_uplift_final);
PG_FUNCTION_INFO_V1(cm_did_trans);
PG_FUNCTION_INFO_V1(cm_did_combine);
PG_FUNCTION_INFO_V1(cm_did_serial);
PG_FUNCTION_INFO_V1(cm_did_deserial);
PG_FUNCTION_INFO_V1(cm_did_final);
PG_FUNCTION_INFO_V1(cm_did_trans_bigint);
PG_FUNCTION_INFO_V1(cm_did_trans_uuid);
PG_FUNCTION_INFO_V1(cm_did_trans_text);
PG_FUNCTION_INFO_V1(cm_did_unit_final);
PG_FUNCTION_INFO_V1(cm_did_at);
PG_FUNCTION_INFO_V1(cm_sample_size);

/* The state of uplift(). */
enum
{
	UPLIFT_TREATED_CONVERTED,
	UPLIFT_TREATED,
	UPLIFT_CONTROL_CONVERTED,
	UPLIFT_CONTROL,
	UPLIFT_SKIPPED,
	UPLIFT_CONFIDENCE,
	UPLIFT_COUNTS
};

/* The fields of uplift_result. */
enum
{
	UR_TREATED_RATE,
	UR_CONTROL_RATE,
	UR_DIFFERENCE,
	UR_RELATIVE_LIFT,
	UR_Z,
	UR_P,
	UR_LOWER,
	UR_UPPER,
	UR_TREATED,
	UR_TREATED_CONVERTED,
	UR_CONTROL,
	UR_CONTROL_CONVERTED,
	UR_SKIPPED,
	UR_CONFIDENCE,
	UR_FIELDS
};

/* The fields of did_result: the means of the four cells and then their counts in the order of the cells. */
enum
{
	DR_EFFECT,
	DR_STD_ERR,
	DR_Z,
	DR_P,
	DR_LOWER,
	DR_UPPER,
	DR_MEANS,
	DR_COUNTS = DR_MEANS + 4,
	DR_UNITS = DR_COUNTS + 4,
	DR_UNITS_DROPPED,
	DR_SKIPPED,
	DR_CONFIDENCE,
	DR_FIELDS
};

static const char *const did_fields[] = {
	"effect", "std_err", "z", "p", "lower", "upper",
	"treated_pre", "treated_post", "control_pre", "control_post",
	"n_treated_pre", "n_treated_post", "n_control_pre", "n_control_post",
	"units", "units_dropped", "n_skipped", "confidence"
};

StaticAssertDecl(lengthof(did_fields) == DR_FIELDS, "names of the fields of did_result");

/* The cells in the order of the result's fields. */
#define CELLS			4
#define CELL(treated, post)		(((treated) ? 0 : 2) + ((post) ? 1 : 0))

/* What each cell's mean counts in the effect. */
static const int cell_signs[CELLS] = {-1, 1, 1, -1};

/* Values beyond this, or all nearer to each other than 1 / this, have squares that a double cannot hold. */
#define FARTHEST		1e140

/* The values of one cell. */
typedef struct CellSum
{
	int64		n;
	double		first;			/* value */
	double		reach;			/* the largest distance from it */
	LongSum		sum;			/* of the distances */
	LongSum		squares;		/* of them */
} CellSum;

typedef struct DidState
{
	CellSum		cells[CELLS];
	int64		skipped;
} DidState;

/* A unit's values before and after; it is an empty slot while it has none. */
typedef struct Unit
{
	uint64		key[2];
	int64		n[2];
	LongSum		sum[2];
	bool		treated;
} Unit;

typedef struct UnitState
{
	MemoryContext context;
	Unit	   *units;
	Size		slots;			/* a power of 2 */
	Size		n;				/* units */
	int64		skipped;
} UnitState;

#define FIRST_SLOTS		64

/* A unit to be sorted by its key. */
typedef struct SortedUnit
{
	uint64		key;			/* its first word */
	const Unit *unit;
} SortedUnit;

static inline int
compare_units(const SortedUnit *a, const SortedUnit *b)
{
	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	if (a->unit->key[1] != b->unit->key[1])
		return a->unit->key[1] < b->unit->key[1] ? -1 : 1;
	return 0;
}

#define ST_SORT sort_units
#define ST_ELEMENT_TYPE SortedUnit
#define ST_COMPARE(a, b) compare_units(a, b)
#define ST_CHECK_FOR_INTERRUPTS
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/* Units between two looks for a cancel request. */
#define BLOCK			65536

/* A double into a field of a result, or NULL. */
static void
put_float(Datum *values, bool *nulls, int field, double value, bool isnull)
{
	values[field] = isnull ? (Datum) 0 : Float8GetDatum(value);
	nulls[field] = isnull;
}

/* z of an estimate and what follows from it; no z where nothing varies, and nothing where the error is not known. */
static void
put_test(Datum *values, bool *nulls, int field_z, double estimate, double error, bool isnull)
{
	double		z = isnull || error == 0 ? 0 : estimate / error;

	isnull |= error == 0 || isinf(z);
	put_float(values, nulls, field_z, z, isnull);
	put_float(values, nulls, field_z + 1, normal_two_sided(z), isnull);
}

/* The comparison of two shares, from counts that were checked. */
static Datum
uplift_datum(FunctionCallInfo fcinfo, const int64 *counts)
{
	int64		treated = counts[UPLIFT_TREATED];
	int64		control = counts[UPLIFT_CONTROL];
	double		n1 = treated;
	double		n0 = control;
	double		k1 = counts[UPLIFT_TREATED_CONVERTED];
	double		k0 = counts[UPLIFT_CONTROL_CONVERTED];
	double		confidence = confidence_of_bits(counts[UPLIFT_CONFIDENCE]);
	bool		empty = treated == 0 || control == 0;
	Datum		values[UR_FIELDS];
	bool		nulls[UR_FIELDS] = {false};

	values[UR_TREATED] = Int64GetDatum(treated);
	values[UR_TREATED_CONVERTED] = Int64GetDatum(counts[UPLIFT_TREATED_CONVERTED]);
	values[UR_CONTROL] = Int64GetDatum(control);
	values[UR_CONTROL_CONVERTED] = Int64GetDatum(counts[UPLIFT_CONTROL_CONVERTED]);
	values[UR_SKIPPED] = Int64GetDatum(counts[UPLIFT_SKIPPED]);
	values[UR_CONFIDENCE] = Float8GetDatum(confidence);
	put_float(values, nulls, UR_TREATED_RATE, k1 / n1, treated == 0);
	put_float(values, nulls, UR_CONTROL_RATE, k0 / n0, control == 0);
	if (empty)
		memset(nulls + UR_DIFFERENCE, true, UR_UPPER - UR_DIFFERENCE + 1);
	else
	{
		double		p1 = k1 / n1;
		double		p0 = k0 / n0;
		double		more = k1 * n0 - k0 * n1;	/* the difference over both denominators */
		double		difference = more / (n1 * n0);
		double		pooled = (k1 + k0) / (n1 + n0);
		double		rest = ((n1 - k1) + (n0 - k0)) / (n1 + n0);
		double		z = Max(normal_deviate(confidence), 0);
		Bounds		b1 = wilson_bounds(k1, n1, z);
		Bounds		b0 = wilson_bounds(k0, n0, z);

		put_float(values, nulls, UR_DIFFERENCE, difference, false);
		put_float(values, nulls, UR_RELATIVE_LIFT, more / (k0 * n1), k0 == 0);
		put_test(values, nulls, UR_Z, difference, sqrt(pooled * rest * (1 / n1 + 1 / n0)), false);
		put_float(values, nulls, UR_LOWER, Max(difference - hypot(p1 - b1.lower, b0.upper - p0), -1), false);
		put_float(values, nulls, UR_UPPER, Min(difference + hypot(b1.upper - p1, p0 - b0.lower), 1), false);
	}
	return composite_datum(fcinfo, values, nulls);
}

/* uplift_test(treated_converted, treated, control_converted, control, confidence) */
Datum
cm_uplift_test(PG_FUNCTION_ARGS)
{
	int64		counts[UPLIFT_COUNTS] = {0};

	counts[UPLIFT_TREATED_CONVERTED] = count_argument(fcinfo, 0, "treated_converted");
	counts[UPLIFT_TREATED] = count_argument(fcinfo, 1, "treated");
	counts[UPLIFT_CONTROL_CONVERTED] = count_argument(fcinfo, 2, "control_converted");
	counts[UPLIFT_CONTROL] = count_argument(fcinfo, 3, "control");
	counts[UPLIFT_CONFIDENCE] = confidence_bits(confidence_argument(fcinfo, 4));
	check_count_of("treated_converted", counts[UPLIFT_TREATED_CONVERTED], "treated", counts[UPLIFT_TREATED]);
	check_count_of("control_converted", counts[UPLIFT_CONTROL_CONVERTED], "control", counts[UPLIFT_CONTROL]);
	return uplift_datum(fcinfo, counts);
}

/* Transition of uplift: (state, treated, converted [, confidence]). */
static Datum
uplift_count(FunctionCallInfo fcinfo, double confidence)
{
	ArrayType  *state;
	int64	   *counts;

	if (PG_ARGISNULL(0))
	{
		state = counts_new(UPLIFT_COUNTS);
		counts = counts_of(state);
		counts[UPLIFT_CONFIDENCE] = confidence_bits(confidence);
	}
	else
	{
		state = counts_to_change(fcinfo, UPLIFT_COUNTS);
		counts = counts_of(state);
		check_same_confidence(confidence_of_bits(counts[UPLIFT_CONFIDENCE]), confidence);
	}
	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		count_add(&counts[UPLIFT_SKIPPED], 1, "rows");
	else
	{
		int			arm = PG_GETARG_BOOL(1) ? UPLIFT_TREATED_CONVERTED : UPLIFT_CONTROL_CONVERTED;

		/* those of the arm follow those who converted */
		count_add(&counts[arm + 1], 1, "rows");
		count_add(&counts[arm], PG_GETARG_BOOL(2), "rows");
	}
	PG_RETURN_ARRAYTYPE_P(state);
}

/* uplift(treated, converted) */
Datum
cm_uplift_trans(PG_FUNCTION_ARGS)
{
	return uplift_count(fcinfo, USUAL_CONFIDENCE);
}

/* uplift(treated, converted, confidence) */
Datum
cm_uplift_confidence_trans(PG_FUNCTION_ARGS)
{
	return uplift_count(fcinfo, confidence_argument(fcinfo, 3));
}

/* uplift: adds the second state's counts to the first's. */
Datum
cm_uplift_combine(PG_FUNCTION_ARGS)
{
	ArrayType  *state = counts_to_change(fcinfo, UPLIFT_COUNTS);
	int64	   *counts = counts_of(state);
	int64	   *others = counts_of(counts_argument(fcinfo, 1, UPLIFT_COUNTS));
	int			i;

	check_same_confidence(confidence_of_bits(counts[UPLIFT_CONFIDENCE]),
						  confidence_of_bits(others[UPLIFT_CONFIDENCE]));
	for (i = 0; i < UPLIFT_CONFIDENCE; i++)
		count_add(&counts[i], others[i], "rows");
	PG_RETURN_ARRAYTYPE_P(state);
}

/* uplift: the result of a state. */
Datum
cm_uplift_final(PG_FUNCTION_ARGS)
{
	int64	   *counts = counts_of(counts_argument(fcinfo, 0, UPLIFT_COUNTS));

	check_count_of("treated_converted", counts[UPLIFT_TREATED_CONVERTED], "treated", counts[UPLIFT_TREATED]);
	check_count_of("control_converted", counts[UPLIFT_CONTROL_CONVERTED], "control", counts[UPLIFT_CONTROL]);
	if (counts[UPLIFT_TREATED] == 0 && counts[UPLIFT_CONTROL] == 0)
		PG_RETURN_NULL();
	return uplift_datum(fcinfo, counts);
}

/* a + b = the result + rest, exactly. */
static inline double
two_sum(double a, double b, double *rest)
{
	double		sum = a + b;
	double		b_part = sum - a;

	*rest = (a - (sum - b_part)) + (b - b_part);
	return sum;
}

/* Add a x b to twice the precision. */
static inline void
add_product(LongSum *sum, double a, double b)
{
	double		product = a * b;

	long_sum_add(sum, product);
	sum->rest += fma(a, b, -product);
}

/* Add a value to a cell. */
static void
cell_add(CellSum *cell, double value)
{
	double		rest;
	double		distance;

	if (cell->n == 0)
		cell->first = value;
	distance = two_sum(value, -cell->first, &rest);
	long_sum_add(&cell->sum, distance);
	cell->sum.rest += rest;
	add_product(&cell->squares, distance, distance);
	cell->squares.rest += 2 * distance * rest;
	cell->reach = Max(cell->reach, fabs(distance));
	cell->n++;
}

/* Add the values of another cell: its sums are moved to this one's first value. */
static void
cell_combine(CellSum *cell, const CellSum *other)
{
	double		rest;
	double		move;
	double		n = other->n;
	double		sum = long_sum(&other->sum);
	double		sum_rest = (other->sum.sum - sum) + other->sum.rest;
	double		moved;
	double		moved_rest;

	if (other->n == 0)
		return;
	if (cell->n == 0)
	{
		*cell = *other;
		return;
	}
	move = two_sum(other->first, -cell->first, &rest);
	moved = n * move;
	moved_rest = fma(n, move, -moved) + n * rest;

	/* sum of (d + move)^2 = sum of d^2 + 2 move (sum of d) + n move^2 */
	long_sum_add(&cell->squares, other->squares.sum);
	cell->squares.rest += other->squares.rest;
	add_product(&cell->squares, 2 * move, sum);
	cell->squares.rest += 2 * (move * sum_rest + rest * sum);
	add_product(&cell->squares, moved, move);
	cell->squares.rest += moved_rest * move + moved * rest;

	long_sum_add(&cell->sum, other->sum.sum);
	cell->sum.rest += other->sum.rest;
	long_sum_add(&cell->sum, moved);
	cell->sum.rest += moved_rest;

	cell->reach = Max(cell->reach, other->reach + fabs(move));
	cell->n += other->n;
}

/* The sum of the squares of the distances from the mean, in a cell with values. */
static double
cell_variation(const CellSum *cell)
{
	double		n = cell->n;
	double		sum = long_sum(&cell->sum);
	double		sum_rest = (cell->sum.sum - sum) + cell->sum.rest;
	double		square = sum * sum;
	double		square_rest = fma(sum, sum, -square) + 2 * sum * sum_rest;
	double		part = square / n;
	double		part_rest = (fma(-part, n, square) + square_rest) / n;
	double		variation = (cell->squares.sum - part) + (cell->squares.rest - part_rest);

	return Max(variation, 0);
}

/* Raises 22003 if differences are so small that their squares are lost. */
static void
check_reach(double reach)
{
	if (reach > 0 && reach < 1 / FARTHEST)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("the values of y differ by %g at the most, too little for their variance", reach),
				 errhint("Give y in a smaller unit.")));
}

/* y of a row; raises 22023 or 22003. */
static double
outcome_argument(FunctionCallInfo fcinfo, int argument)
{
	double		y = float_argument(fcinfo, argument, "y");

	if (fabs(y) > FARTHEST)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("y must be between %g and %g, not %g", -FARTHEST, FARTHEST, y)));
	return y;
}

/* Bounds of the effect; none where its error is not known, or 0. */
static void
put_bounds(Datum *values, bool *nulls, double effect, double error, double confidence, bool isnull)
{
	double		reach = Max(normal_deviate(confidence), 0) * error;

	isnull |= error == 0;
	put_float(values, nulls, DR_LOWER, effect - reach, isnull);
	put_float(values, nulls, DR_UPPER, effect + reach, isnull);
	values[DR_CONFIDENCE] = Float8GetDatum(confidence);
	nulls[DR_CONFIDENCE] = false;
}

/* The fields that follow from the effect and its standard error, which may not be known. */
static void
put_effect(Datum *values, bool *nulls, double effect, bool no_effect, double error, bool no_error)
{
	put_float(values, nulls, DR_EFFECT, effect, no_effect);
	put_float(values, nulls, DR_STD_ERR, error, no_error);
	put_test(values, nulls, DR_Z, effect, error, no_error);
	put_bounds(values, nulls, effect, error, USUAL_CONFIDENCE, no_error);
}

/* did(treated, post, y): adds a row. */
Datum
cm_did_trans(PG_FUNCTION_ARGS)
{
	MemoryContext context = fit_context(fcinfo);
	DidState   *state = PG_ARGISNULL(0) ? MemoryContextAllocZero(context, sizeof(DidState)) :
		(DidState *) PG_GETARG_POINTER(0);

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2) || PG_ARGISNULL(3))
		state->skipped++;
	else
		cell_add(&state->cells[CELL(PG_GETARG_BOOL(1), PG_GETARG_BOOL(2))], outcome_argument(fcinfo, 3));
	PG_RETURN_POINTER(state);
}

/* did(treated, post, y): adds the second state to the first. */
Datum
cm_did_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = fit_context(fcinfo);
	DidState   *state;
	DidState   *other;
	int			i;

	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	state = PG_ARGISNULL(0) ? MemoryContextAllocZero(context, sizeof(DidState)) : (DidState *) PG_GETARG_POINTER(0);
	other = (DidState *) PG_GETARG_POINTER(1);
	for (i = 0; i < CELLS; i++)
		cell_combine(&state->cells[i], &other->cells[i]);
	state->skipped += other->skipped;
	PG_RETURN_POINTER(state);
}

/* did(treated, post, y): a state as bytes. */
Datum
cm_did_serial(PG_FUNCTION_ARGS)
{
	DidState   *state;
	StringInfoData bytes;
	int			i;

	fit_context(fcinfo);
	state = (DidState *) PG_GETARG_POINTER(0);
	pq_begintypsend(&bytes);
	for (i = 0; i < CELLS; i++)
	{
		const CellSum *cell = &state->cells[i];

		pq_sendint64(&bytes, cell->n);
		pq_sendfloat8(&bytes, cell->first);
		pq_sendfloat8(&bytes, cell->reach);
		pq_sendfloat8(&bytes, cell->sum.sum);
		pq_sendfloat8(&bytes, cell->sum.rest);
		pq_sendfloat8(&bytes, cell->squares.sum);
		pq_sendfloat8(&bytes, cell->squares.rest);
	}
	pq_sendint64(&bytes, state->skipped);
	PG_RETURN_BYTEA_P(pq_endtypsend(&bytes));
}

/* did(treated, post, y): the state that bytes stand for. */
Datum
cm_did_deserial(PG_FUNCTION_ARGS)
{
	StringInfoData bytes = message_of(PG_GETARG_BYTEA_PP(0));
	DidState   *state;
	int			i;

	fit_context(fcinfo);
	state = palloc0(sizeof(DidState));
	for (i = 0; i < CELLS; i++)
	{
		CellSum    *cell = &state->cells[i];

		cell->n = pq_getmsgint64(&bytes);
		cell->first = pq_getmsgfloat8(&bytes);
		cell->reach = pq_getmsgfloat8(&bytes);
		cell->sum.sum = pq_getmsgfloat8(&bytes);
		cell->sum.rest = pq_getmsgfloat8(&bytes);
		cell->squares.sum = pq_getmsgfloat8(&bytes);
		cell->squares.rest = pq_getmsgfloat8(&bytes);
	}
	state->skipped = pq_getmsgint64(&bytes);
	pq_getmsgend(&bytes);
	PG_RETURN_POINTER(state);
}

/* did(treated, post, y): the result of a state. */
Datum
cm_did_final(PG_FUNCTION_ARGS)
{
	const DidState *state;
	LongSum		effect = {0};
	double		variance = 0;
	int64		all = 0;
	bool		no_effect = false;
	bool		no_error = false;
	Datum		values[DR_FIELDS];
	bool		nulls[DR_FIELDS] = {false};
	int			i;

	fit_context(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (const DidState *) PG_GETARG_POINTER(0);
	for (i = 0; i < CELLS; i++)
	{
		const CellSum *cell = &state->cells[i];
		double		n = cell->n;
		double		distance = cell->n == 0 ? 0 : long_sum(&cell->sum) / n;

		all += cell->n;
		no_effect |= cell->n == 0;
		no_error |= cell->n < 2;
		put_float(values, nulls, DR_MEANS + i, cell->first + distance, cell->n == 0);
		values[DR_COUNTS + i] = Int64GetDatum(cell->n);
		if (cell->n == 0)
			continue;
		check_reach(cell->reach);
		long_sum_add(&effect, cell_signs[i] * cell->first);
		long_sum_add(&effect, cell_signs[i] * distance);
		variance += cell_variation(cell) / n / n;
	}
	if (all == 0)
		PG_RETURN_NULL();
	put_effect(values, nulls, long_sum(&effect), no_effect, sqrt(variance), no_error);
	nulls[DR_UNITS] = nulls[DR_UNITS_DROPPED] = true;
	values[DR_SKIPPED] = Int64GetDatum(state->skipped);
	PG_RETURN_DATUM(composite_datum(fcinfo, values, nulls));
}

/* The slot of a unit: its own, or the empty one where it belongs. */
static Unit *
unit_slot(const UnitState *state, const uint64 *key)
{
	Size		mask = state->slots - 1;
	Size		i = mix64(key[0] ^ key[1]) & mask;

	for (;; i = (i + 1) & mask)
	{
		Unit	   *unit = &state->units[i];

		if ((unit->n[0] | unit->n[1]) == 0 || (unit->key[0] == key[0] && unit->key[1] == key[1]))
			return unit;
	}
}

/* Make a table of so many empty slots, and put the units into it. */
static void
units_grow(UnitState *state, Size slots)
{
	Unit	   *old = state->units;
	Size		nold = state->slots;
	Size		i;

	check_fit_memory((nold + slots) * sizeof(Unit));
	state->units = MemoryContextAllocExtended(state->context, slots * sizeof(Unit), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	state->slots = slots;
	for (i = 0; i < nold; i++)
	{
		if (i % BLOCK == 0)
			CHECK_FOR_INTERRUPTS();
		if ((old[i].n[0] | old[i].n[1]) != 0)
			*unit_slot(state, old[i].key) = old[i];
	}
	if (old)
		pfree(old);
}

/* Raises 22023: a unit is in both arms. */
static void
unit_in_both_arms(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unit %s is treated in one row and not in another", name),
			 errhint("A unit belongs to one arm; \"treated\" says which, before the treatment as after it.")));
}

/* Add a row of a unit with a key; returns false if the unit is known in the other arm. */
static bool
unit_add(UnitState *state, const uint64 *key, bool treated, bool post, double y)
{
	Unit	   *unit;

	if (state->n >= state->slots / 4 * 3)
		units_grow(state, state->slots ? 2 * state->slots : FIRST_SLOTS);
	unit = unit_slot(state, key);
	if ((unit->n[0] | unit->n[1]) == 0)
	{
		unit->key[0] = key[0];
		unit->key[1] = key[1];
		unit->treated = treated;
		state->n++;
	}
	else if (unit->treated != treated)
		return false;
	unit->n[post]++;
	long_sum_add(&unit->sum[post], y);
	return true;
}

/* Transition of did with units: (state, treated, post, y, unit), with the unit's key made by the caller. */
static UnitState *
unit_state(FunctionCallInfo fcinfo)
{
	MemoryContext context = fit_context(fcinfo);
	UnitState  *state;

	if (!PG_ARGISNULL(0))
		return (UnitState *) PG_GETARG_POINTER(0);
	state = MemoryContextAllocZero(context, sizeof(UnitState));
	state->context = context;
	return state;
}

/* Does a row have a NULL?  Counts it if so. */
static inline bool
unit_row_skipped(FunctionCallInfo fcinfo, UnitState *state)
{
	if (!PG_ARGISNULL(1) && !PG_ARGISNULL(2) && !PG_ARGISNULL(3) && !PG_ARGISNULL(4))
		return false;
	state->skipped++;
	return true;
}

/* did(treated, post, y, unit bigint): adds a row. */
Datum
cm_did_trans_bigint(PG_FUNCTION_ARGS)
{
	UnitState  *state = unit_state(fcinfo);

	if (!unit_row_skipped(fcinfo, state))
	{
		uint64		key[2] = {mix64((uint64) PG_GETARG_INT64(4)), 0};

		if (!unit_add(state, key, PG_GETARG_BOOL(1), PG_GETARG_BOOL(2), outcome_argument(fcinfo, 3)))
			unit_in_both_arms(psprintf("%lld", (long long) PG_GETARG_INT64(4)));
	}
	PG_RETURN_POINTER(state);
}

/* did(treated, post, y, unit uuid): adds a row. */
Datum
cm_did_trans_uuid(PG_FUNCTION_ARGS)
{
	UnitState  *state = unit_state(fcinfo);

	if (!unit_row_skipped(fcinfo, state))
	{
		uint64		key[2];

		uuid_key(PG_GETARG_UUID_P(4)->data, key);
		if (!unit_add(state, key, PG_GETARG_BOOL(1), PG_GETARG_BOOL(2), outcome_argument(fcinfo, 3)))
			unit_in_both_arms(DatumGetCString(DirectFunctionCall1(uuid_out, PG_GETARG_DATUM(4))));
	}
	PG_RETURN_POINTER(state);
}

/* did(treated, post, y, unit text): adds a row. */
Datum
cm_did_trans_text(PG_FUNCTION_ARGS)
{
	UnitState  *state = unit_state(fcinfo);

	if (!unit_row_skipped(fcinfo, state))
	{
		text	   *name = PG_GETARG_TEXT_PP(4);
		uint64		key[2];

		text_key(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name), key);
		if (!unit_add(state, key, PG_GETARG_BOOL(1), PG_GETARG_BOOL(2), outcome_argument(fcinfo, 3)))
			unit_in_both_arms(psprintf("\"%s\"", text_to_cstring(name)));
		PG_FREE_IF_COPY(name, 4);
	}
	PG_RETURN_POINTER(state);
}

/* A unit's mean before or after. */
static inline double
unit_mean(const Unit *unit, int post)
{
	return long_sum(&unit->sum[post]) / unit->n[post];
}

/* A unit's change. */
static inline double
unit_change(const Unit *unit)
{
	return unit_mean(unit, 1) - unit_mean(unit, 0);
}

/* How far a unit's change may be from the mean of all by rounding alone. */
static inline double
unit_rounding(const Unit *unit)
{
	return 4 * DBL_EPSILON * Max(fabs(unit_mean(unit, 0)), fabs(unit_mean(unit, 1)));
}

/* The units that have values before and after, in order of their keys. */
static SortedUnit *
complete_units(const UnitState *state, Size *n)
{
	SortedUnit *sorted;
	Size		i;

	check_fit_memory(state->slots * sizeof(Unit) + state->n * sizeof(SortedUnit));
	sorted = MemoryContextAllocExtended(CurrentMemoryContext, Max(state->n, 1) * sizeof(SortedUnit), MCXT_ALLOC_HUGE);
	*n = 0;
	for (i = 0; i < state->slots; i++)
	{
		const Unit *unit = &state->units[i];

		if (i % BLOCK == 0)
			CHECK_FOR_INTERRUPTS();
		if (unit->n[0] > 0 && unit->n[1] > 0)
		{
			sorted[*n].key = unit->key[0];
			sorted[*n].unit = unit;
			(*n)++;
		}
	}
	sort_units(sorted, *n);
	return sorted;
}

/* did(treated, post, y, unit): the result of a state. */
Datum
cm_did_unit_final(PG_FUNCTION_ARGS)
{
	const UnitState *state;
	SortedUnit *sorted;
	Size		complete;
	Size		i;
	int			arm;
	int			post;
	int64		n[2] = {0};			/* of control and treated units */
	LongSum		levels[2][2] = {0};
	LongSum		changes[2] = {0};
	LongSum		squares[2] = {0};
	double		change[2];
	double		reach = 0;
	double		variance = 0;
	Datum		values[DR_FIELDS];
	bool		nulls[DR_FIELDS] = {false};

	fit_context(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (const UnitState *) PG_GETARG_POINTER(0);
	if (state->n == 0)
		PG_RETURN_NULL();
	sorted = complete_units(state, &complete);
	for (i = 0; i < complete; i++)
	{
		const Unit *unit = sorted[i].unit;

		if (i % BLOCK == 0)
			CHECK_FOR_INTERRUPTS();
		arm = unit->treated;
		n[arm]++;
		for (post = 0; post < 2; post++)
			long_sum_add(&levels[arm][post], unit_mean(unit, post));
		long_sum_add(&changes[arm], unit_change(unit));
	}
	for (arm = 0; arm < 2; arm++)
		change[arm] = n[arm] ? long_sum(&changes[arm]) / n[arm] : 0;
	for (i = 0; i < complete; i++)
	{
		const Unit *unit = sorted[i].unit;
		double		distance = unit_change(unit) - change[unit->treated];

		if (i % BLOCK == 0)
			CHECK_FOR_INTERRUPTS();
		/* changes that are equal but for their last digits do not vary */
		if (fabs(distance) <= unit_rounding(unit))
			continue;
		long_sum_add(&squares[unit->treated], distance * distance);
		reach = Max(reach, fabs(distance));
	}
	check_reach(reach);
	for (arm = 0; arm < 2; arm++)
	{
		if (n[arm] > 1)
			variance += long_sum(&squares[arm]) / (n[arm] - 1) / n[arm];
		for (post = 0; post < 2; post++)
		{
			put_float(values, nulls, DR_MEANS + CELL(arm, post),
					  n[arm] ? long_sum(&levels[arm][post]) / n[arm] : 0, n[arm] == 0);
			values[DR_COUNTS + CELL(arm, post)] = Int64GetDatum(n[arm]);
		}
	}
	put_effect(values, nulls, change[1] - change[0], n[0] == 0 || n[1] == 0, sqrt(variance), n[0] < 2 || n[1] < 2);
	values[DR_UNITS] = Int64GetDatum((int64) complete);
	values[DR_UNITS_DROPPED] = Int64GetDatum((int64) (state->n - complete));
	values[DR_SKIPPED] = Int64GetDatum(state->skipped);
	pfree(sorted);
	PG_RETURN_DATUM(composite_datum(fcinfo, values, nulls));
}

/* Raises 22023 for a field of a did_result that did() does not give it; any may be NULL. */
static void
check_did_field(const Model *model, int field)
{
	if (model->nulls[field])
		return;
	if (field >= DR_COUNTS && field < DR_CONFIDENCE)
		model_int(model, field, 0, PG_INT64_MAX);
	else if (field == DR_Z)
		model_float(model, field, -DBL_MAX, DBL_MAX);
	else if (field == DR_P)
		model_float(model, field, 0, 1);
	else if (field == DR_EFFECT || field == DR_STD_ERR || field >= DR_MEANS)
		model_float(model, field, field == DR_STD_ERR ? 0 : -4 * FARTHEST, 4 * FARTHEST);
}

/* did_at(result, confidence): the same result with the bounds of another confidence. */
Datum
cm_did_at(PG_FUNCTION_ARGS)
{
	Model		model = model_argument(fcinfo, 0, "did_result", did_fields, DR_FIELDS);
	double		confidence = confidence_argument(fcinfo, 1);
	bool		isnull = model.nulls[DR_EFFECT] || model.nulls[DR_STD_ERR];
	int			field;

	for (field = 0; field < DR_CONFIDENCE; field++)
		if (field != DR_LOWER && field != DR_UPPER)
			check_did_field(&model, field);
	put_bounds(model.values, model.nulls, isnull ? 0 : DatumGetFloat8(model.values[DR_EFFECT]),
			   isnull ? 0 : DatumGetFloat8(model.values[DR_STD_ERR]), confidence, isnull);
	PG_RETURN_DATUM(composite_datum(fcinfo, model.values, model.nulls));
}

/* A rate from 0 to 1, both allowed. */
static double
rate_argument(FunctionCallInfo fcinfo, int argument, const char *name)
{
	double		rate = float_argument(fcinfo, argument, name);

	if (rate < 0 || rate > 1)
		check_fraction(name, DatumGetNumeric(DirectFunctionCall1(float8_numeric, Float8GetDatum(rate))));
	return rate;
}

/* sample_size(p1, p2, power, alpha) */
Datum
cm_sample_size(PG_FUNCTION_ARGS)
{
	double		p1 = rate_argument(fcinfo, 0, "p1");
	double		p2 = rate_argument(fcinfo, 1, "p2");
	double		power = float_between(fcinfo, 2, "power", 0, 1);
	double		alpha = float_between(fcinfo, 3, "alpha", 0, 1);
	double		equal;
	double		unequal;
	double		root;

	if (p1 == p2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("p1 and p2 must differ, but both are %.15g", p1),
				 errhint("Give the rate as it is and the smallest other one that would matter to you.")));
	if (power <= alpha)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("power must be above alpha (%.15g), not %.15g", alpha, power),
				 errhint("Power is the chance to find the difference, usually 0.8; alpha that to find one where there is none, usually 0.05.")));
	equal = sqrt((p1 + p2) * ((1 - p1) + (1 - p2)) / 2);
	unequal = sqrt(p1 * (1 - p1) + p2 * (1 - p2));
	root = (-normal_quantile(Max(alpha / 2, DBL_MIN)) * equal + normal_quantile(power) * unequal) / (p1 - p2);
	if (isinf(root * root))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("sample size is out of range: p1 and p2 differ by no more than %g", fabs(p1 - p2))));
	PG_RETURN_FLOAT8(root * root);
}
