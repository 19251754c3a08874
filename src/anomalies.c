/*
 * anomalies.c
 *		What stands out in a series: control charts of rates and of amounts, robust
 *		scores, and Rosner's test for outliers.  See docs/anomalies.md.
 *
 * All but the last are window functions, so that a row of a report keeps its
 * columns and gets its judgement beside them.  The charts learn their centre and
 * spread from a partition's baseline rows when its first row is asked for, in one
 * or two passes over the rows that the server keeps anyway, and store none of
 * them.  The robust scores need the median and so the values of a frame: 8 bytes
 * each, limited by churnmetrics.fit_memory.  Where the frame is the whole
 * partition, it is read and sorted once; any other is read anew for each row,
 * since the window interface does not tell how a frame has moved.
 */
#include "postgres.h"

#include <limits.h>
#include <math.h>

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"
#include "windowapi.h"

#include "compat.h"
#include "counts.h"
#include "model.h"
#include "numerics.h"

PG_FUNCTION_INFO_V1(cm_pchart);
PG_FUNCTION_INFO_V1(cm_ewma);
PG_FUNCTION_INFO_V1(cm_ewma_chart);
PG_FUNCTION_INFO_V1(cm_modified_z);
PG_FUNCTION_INFO_V1(cm_is_anomaly);
PG_FUNCTION_INFO_V1(cm_gesd);

/* d2(2): the mean range of two values of a normal distribution, in standard deviations; 2 / sqrt(pi), rounded as charts do. */
#define MOVING_RANGE	1.128

/* Iglewicz and Hoaglin: the MAD of a normal distribution, and 1 / its mean deviation, in standard deviations. */
#define MAD_FACTOR		0.6745
#define MEAN_AD_FACTOR	1.253314

/* After so many rows: interrupts, and the memory that reading them took. */
#define BLOCK			512

/* After so many steps of a loop over values in memory: interrupts. */
#define LOOP			65536

#define MAX_SETTINGS	5

/* The arguments that must be the same in all rows of a partition. */
typedef struct Settings
{
	bool		given;			/* false in the memory of a new partition */
	double		values[MAX_SETTINGS];
	bool		nulls[MAX_SETTINGS];
} Settings;

#define ST_SORT sort_values
#define ST_ELEMENT_TYPE double
#define ST_COMPARE(a, b) ((*(a) > *(b)) - (*(a) < *(b)))
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

/* The window that the function runs in; raises 0A000 where a handmade operator calls it without one. */
static WindowObject
window_of(FunctionCallInfo fcinfo)
{
	WindowObject window = PG_WINDOW_OBJECT();

	if (!WindowObjectIsValid(window))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("function must be called with an OVER clause")));
	return window;
}

/* Put an argument of the current row where PG_GETARG and the shared checks find it. */
static void
take_current(FunctionCallInfo fcinfo, int argument)
{
	NullableDatum *slot = &fcinfo->args[argument];

	slot->value = WinGetFuncArgCurrent(window_of(fcinfo), argument, &slot->isnull);
}

/* The same for a row of the partition, counted from 0. */
static void
take_row(FunctionCallInfo fcinfo, int argument, int row)
{
	NullableDatum *slot = &fcinfo->args[argument];
	bool		isout;

	slot->value = WinGetFuncArgInPartition(window_of(fcinfo), argument, row, WINDOW_SEEK_HEAD, false, &slot->isnull, &isout);
	if (isout)
		elog(ERROR, "row %d is not in the partition", row);
}

/*
 * The same for a row of the current row's frame, counted from 0; false past its
 * end.  "mark" lets the server forget the rows before it, as a frame never goes back.
 */
static bool
take_in_frame(FunctionCallInfo fcinfo, int argument, int row, bool mark)
{
	NullableDatum *slot = &fcinfo->args[argument];
	bool		isout;

	slot->value = WinGetFuncArgInFrame(window_of(fcinfo), argument, row, WINDOW_SEEK_HEAD, mark, &slot->isnull, &isout);
	return !isout;
}

/* How many rows the partition has. */
static int
partition_rows(FunctionCallInfo fcinfo)
{
	int64		rows = WinGetPartitionRowCount(window_of(fcinfo));

	if (rows > INT_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a partition must have %d rows or less, not %lld", INT_MAX, (long long) rows)));
	return (int) rows;
}

/* Is this row of the partition one to learn from?  No row is fetched where the argument is the same for all. */
static bool
in_baseline(FunctionCallInfo fcinfo, int argument, int row)
{
	if (get_fn_expr_arg_stable(fcinfo->flinfo, argument))
		take_current(fcinfo, argument);
	else
		take_row(fcinfo, argument, row);
	return !PG_ARGISNULL(argument) && PG_GETARG_BOOL(argument);
}

/* A number among the settings that is not NULL. */
static double
setting(Settings *settings, int i, double value)
{
	settings->nulls[i] = false;
	settings->values[i] = value;
	return value;
}

/* Keep the settings of a partition's first row; raises 22023 where another row has others. */
static void
check_settings(Settings *first, Settings *now, const char *const *names, int n)
{
	int			i;

	if (!first->given)
	{
		*first = *now;
		first->given = true;
		return;
	}
	for (i = 0; i < n; i++)
		if (first->nulls[i] != now->nulls[i] || (!now->nulls[i] && first->values[i] != now->values[i]))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("%s must be the same in every row of a partition", names[i]),
					 errhint("PARTITION BY what it depends on.")));
}

/* A result that has to be a number; raises 22003. */
static Datum
finite_datum(const char *name, double value)
{
	if (isnan(value) || isinf(value))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("%s is out of range of double precision", name),
				 errhint("Give the series in a larger unit, such as thousands.")));
	return Float8GetDatum(value);
}

/* The memory that the passes over a partition use, one block of rows after the other. */
typedef struct Reading
{
	MemoryContext scratch;
	MemoryContext old;
} Reading;

static Reading
begin_reading(void)
{
	Reading		reading;

	reading.scratch = AllocSetContextCreate(CurrentMemoryContext, "churnmetrics rows", ALLOCSET_SMALL_SIZES);
	reading.old = MemoryContextSwitchTo(reading.scratch);
	return reading;
}

static inline void
reading_row(const Reading *reading, int row)
{
	if (row % BLOCK == 0)
	{
		CHECK_FOR_INTERRUPTS();
		MemoryContextReset(reading->scratch);
	}
}

static void
end_reading(Reading *reading)
{
	MemoryContextSwitchTo(reading->old);
	MemoryContextDelete(reading->scratch);
}

/*
 * pchart
 */
enum
{
	PCHART_K,
	PCHART_N,
	PCHART_METHOD,
	PCHART_WIDTH,
	PCHART_BASELINE
};

static const char *const pchart_methods[] = {"p", "laney"};
static const char *const pchart_settings[] = {"method", "width"};

typedef struct PChart
{
	Settings	settings;		/* method, width */
	bool		has_center;
	bool		has_spread;
	double		center;
	double		unit;			/* the standard deviation of n = 1: sqrt(center (1 - center)) */
	double		spread;			/* sigma_z of Laney, or 1 */
} PChart;

/* The two counts that were taken; false where there is no rate. */
static bool
pchart_counts(FunctionCallInfo fcinfo, double *k, double *n)
{
	int64		events;
	int64		of;

	if (PG_ARGISNULL(PCHART_K) || PG_ARGISNULL(PCHART_N))
		return false;
	events = count_argument(fcinfo, PCHART_K, "k");
	of = count_argument(fcinfo, PCHART_N, "n");
	if (events > of)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("k must be between 0 and n (%lld), not %lld", (long long) of, (long long) events),
				 errhint("k is how many of the n were lost, such as churned_customers of opening_customers.")));
	*k = (double) events;
	*n = (double) of;
	return of > 0;
}

/* The counts of a row to learn from. */
static bool
pchart_row(FunctionCallInfo fcinfo, int row, double *k, double *n)
{
	if (!in_baseline(fcinfo, PCHART_BASELINE, row))
		return false;
	take_row(fcinfo, PCHART_K, row);
	/* to fetch another argument frees the row that this one points into */
	if (!PG_ARGISNULL(PCHART_K))
		fcinfo->args[PCHART_K].value = NumericGetDatum(DatumGetNumericCopy(fcinfo->args[PCHART_K].value));
	take_row(fcinfo, PCHART_N, row);
	return pchart_counts(fcinfo, k, n);
}

/* How far a rate is from the centre, in standard deviations of the binomial distribution. */
static double
pchart_z(const PChart *chart, double k, double n)
{
	double		off = k / n - chart->center;

	/* without spread all rows of the baseline are at the centre */
	return off == 0 || chart->unit == 0 ? 0 : off * sqrt(n) / chart->unit;
}

/* The centre and, for Laney's chart, the spread of the z beyond the binomial one, of the baseline rows. */
static void
pchart_learn(FunctionCallInfo fcinfo, PChart *chart)
{
	int			rows = partition_rows(fcinfo);
	Reading		reading = begin_reading();
	LongSum		events = {0, 0};
	LongSum		of = {0, 0};
	double		k;
	double		n;
	int			i;

	for (i = 0; i < rows; i++)
	{
		reading_row(&reading, i);
		if (!pchart_row(fcinfo, i, &k, &n))
			continue;
		long_sum_add(&events, k);
		long_sum_add(&of, n);
		chart->has_center = true;
	}
	chart->has_spread = chart->has_center;
	chart->spread = 1;
	if (chart->has_center)
	{
		chart->center = long_sum(&events) / long_sum(&of);
		chart->unit = sqrt(chart->center * (1 - chart->center));
	}
	if (chart->has_center && chart->settings.values[0] != 0)
	{
		LongSum		ranges = {0, 0};
		double		last = 0;
		int64		count = 0;

		for (i = 0; i < rows; i++)
		{
			double		z;

			reading_row(&reading, i);
			if (!pchart_row(fcinfo, i, &k, &n))
				continue;
			z = pchart_z(chart, k, n);
			if (count++ > 0)
				long_sum_add(&ranges, fabs(z - last));
			last = z;
		}
		chart->has_spread = count > 1;
		if (chart->has_spread)
			chart->spread = long_sum(&ranges) / (count - 1) / MOVING_RANGE;
	}
	end_reading(&reading);
}

/* pchart(k, n, method, width, baseline) OVER (ORDER BY period) */
Datum
cm_pchart(PG_FUNCTION_ARGS)
{
	PChart	   *chart = WinGetPartitionLocalMemory(window_of(fcinfo), sizeof(PChart));
	bool		learn = !chart->settings.given;
	Settings	now = {0};
	double		k;
	double		n;
	double		rate;
	double		sigma;
	double		reach;
	Datum		values[7] = {0};
	bool		nulls[7] = {false, true, true, true, true, true, true};

	take_current(fcinfo, PCHART_METHOD);
	take_current(fcinfo, PCHART_WIDTH);
	setting(&now, 0, choice_argument(fcinfo, PCHART_METHOD, "method", pchart_methods, lengthof(pchart_methods)));
	setting(&now, 1, float_above(fcinfo, PCHART_WIDTH, "width", 0));
	check_settings(&chart->settings, &now, pchart_settings, lengthof(pchart_settings));
	if (learn)
		pchart_learn(fcinfo, chart);
	take_current(fcinfo, PCHART_K);
	take_current(fcinfo, PCHART_N);
	if (!pchart_counts(fcinfo, &k, &n))
		PG_RETURN_NULL();
	rate = k / n;
	values[0] = Float8GetDatum(rate);
	if (chart->has_center)
	{
		values[1] = Float8GetDatum(chart->center);
		nulls[1] = false;
	}
	if (chart->has_spread)
	{
		sigma = chart->unit / sqrt(n) * chart->spread;
		reach = now.values[1] * sigma;
		values[2] = Float8GetDatum(sigma);
		values[3] = Float8GetDatum(Max(chart->center - reach, 0));
		values[4] = Float8GetDatum(Min(chart->center + reach, 1));
		nulls[2] = nulls[3] = nulls[4] = nulls[6] = false;
		nulls[5] = sigma == 0 && rate != chart->center;
		if (!nulls[5])
			values[5] = finite_datum("z", rate == chart->center ? 0 : (rate - chart->center) / sigma);
		values[6] = BoolGetDatum(rate < chart->center - reach || rate > chart->center + reach);
	}
	PG_RETURN_DATUM(composite_datum(fcinfo, values, nulls));
}

/*
 * ewma, ewma_chart
 */
enum
{
	EWMA_X,
	EWMA_LAMBDA,
	EWMA_START,					/* of ewma */
	CHART_TARGET = EWMA_START,	/* of ewma_chart, and on */
	CHART_SIGMA,
	CHART_WIDTH,
	CHART_EXACT,
	CHART_BASELINE
};

static const char *const ewma_settings[] = {"lambda", "start"};
static const char *const ewma_chart_settings[] = {"lambda", "target", "sigma", "width", "exact"};

typedef struct Ewma
{
	Settings	settings;
	bool		has_value;
	double		value;			/* the average so far */
	int64		count;			/* of how many values */
	bool		has_center;		/* of ewma_chart */
	bool		has_sigma;
	double		center;
	double		sigma;
} Ewma;

/* The weight of a new value: above 0, up to 1. */
static double
lambda_argument(FunctionCallInfo fcinfo)
{
	double		lambda = float_argument(fcinfo, EWMA_LAMBDA, "lambda");

	if (!(lambda > 0 && lambda <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("lambda must be more than 0 and 1 or less, not %.15g", lambda),
				 errhint("It is the weight of the newest value; 0.2 to 0.3 is usual.")));
	return lambda;
}

/* A number that may be left out: NULL is kept as such. */
static void
optional_setting(FunctionCallInfo fcinfo, Settings *settings, int i, int argument, const char *name)
{
	settings->nulls[i] = PG_ARGISNULL(argument);
	if (!settings->nulls[i])
		setting(settings, i, float_argument(fcinfo, argument, name));
}

/* Take the current row's x into the average; false where it is NULL. */
static bool
ewma_step(FunctionCallInfo fcinfo, Ewma *ewma, double *x)
{
	double		lambda = ewma->settings.values[0];

	take_current(fcinfo, EWMA_X);
	if (PG_ARGISNULL(EWMA_X))
		return false;
	*x = float_argument(fcinfo, EWMA_X, "x");
	/* a constant series stays what it is, to the last digit; the sum cannot overflow */
	if (!ewma->has_value)
		ewma->value = *x;
	else if (*x != ewma->value)
		ewma->value = lambda * *x + (1 - lambda) * ewma->value;
	ewma->has_value = true;
	ewma->count++;
	return true;
}

/* ewma(x, lambda, start) OVER (ORDER BY period) */
Datum
cm_ewma(PG_FUNCTION_ARGS)
{
	WindowObject window = window_of(fcinfo);
	Ewma	   *ewma = WinGetPartitionLocalMemory(window, sizeof(Ewma));
	bool		first = !ewma->settings.given;
	Settings	now = {0};
	double		x;

	take_current(fcinfo, EWMA_LAMBDA);
	take_current(fcinfo, EWMA_START);
	setting(&now, 0, lambda_argument(fcinfo));
	optional_setting(fcinfo, &now, 1, EWMA_START, "start");
	check_settings(&ewma->settings, &now, ewma_settings, lengthof(ewma_settings));
	if (first && !now.nulls[1])
	{
		ewma->has_value = true;
		ewma->value = now.values[1];
	}
	/* earlier rows are not needed again */
	WinSetMarkPosition(window, WinGetCurrentPosition(window));
	(void) ewma_step(fcinfo, ewma, &x);
	if (!ewma->has_value)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(ewma->value);
}

/* The mean of the baseline rows, and the standard deviation that their moving range tells, where they are not given. */
static void
ewma_learn(FunctionCallInfo fcinfo, Ewma *ewma)
{
	int			rows = partition_rows(fcinfo);
	Reading		reading = begin_reading();
	LongSum		off = {0, 0};
	LongSum		ranges = {0, 0};
	double		first = 0;
	double		last = 0;
	int64		count = 0;
	int			i;

	for (i = 0; i < rows; i++)
	{
		double		x;

		reading_row(&reading, i);
		if (!in_baseline(fcinfo, CHART_BASELINE, i))
			continue;
		take_row(fcinfo, EWMA_X, i);
		if (PG_ARGISNULL(EWMA_X))
			continue;
		x = float_argument(fcinfo, EWMA_X, "x");
		if (count++ == 0)
			first = x;
		else
			long_sum_add(&ranges, fabs(x - last));
		/* as a difference, so that the mean of a constant series is its value */
		long_sum_add(&off, x - first);
		last = x;
	}
	end_reading(&reading);
	if (!ewma->has_center && count > 0)
	{
		ewma->center = DatumGetFloat8(finite_datum("center", first + long_sum(&off) / count));
		ewma->has_center = true;
	}
	if (!ewma->has_sigma && count > 1)
	{
		ewma->sigma = DatumGetFloat8(finite_datum("sigma", long_sum(&ranges) / (count - 1) / MOVING_RANGE));
		ewma->has_sigma = true;
	}
}

/* Begin a partition: centre and spread as given or learned; the average starts at the centre. */
static void
ewma_chart_begin(FunctionCallInfo fcinfo, Ewma *ewma)
{
	ewma->has_center = !ewma->settings.nulls[1];
	ewma->center = ewma->settings.values[1];
	ewma->has_sigma = !ewma->settings.nulls[2];
	ewma->sigma = ewma->settings.values[2];
	if (!ewma->has_center || !ewma->has_sigma)
		ewma_learn(fcinfo, ewma);
	ewma->has_value = ewma->has_center;
	ewma->value = ewma->center;
}

/* The standard deviation of the average: in the long run, or exactly after so many values. */
static double
ewma_deviation(const Ewma *ewma, bool exact)
{
	double		lambda = ewma->settings.values[0];
	double		share = lambda / (2 - lambda);

	if (exact)
		share *= ewma->count == 0 ? 0 : -expm1(2 * (double) ewma->count * log1p(-lambda));
	return ewma->sigma * sqrt(share);
}

/* ewma_chart(x, lambda, target, sigma, width, exact, baseline) OVER (ORDER BY period) */
Datum
cm_ewma_chart(PG_FUNCTION_ARGS)
{
	WindowObject window = window_of(fcinfo);
	Ewma	   *ewma = WinGetPartitionLocalMemory(window, sizeof(Ewma));
	bool		first = !ewma->settings.given;
	Settings	now = {0};
	double		x;
	int			i;
	Datum		values[8] = {0};
	bool		nulls[8] = {true, true, true, true, true, true, true, true};

	for (i = EWMA_LAMBDA; i <= CHART_EXACT; i++)
		take_current(fcinfo, i);
	setting(&now, 0, lambda_argument(fcinfo));
	optional_setting(fcinfo, &now, 1, CHART_TARGET, "target");
	optional_setting(fcinfo, &now, 2, CHART_SIGMA, "sigma");
	if (!now.nulls[2])
		(void) float_above(fcinfo, CHART_SIGMA, "sigma", 0);
	setting(&now, 3, float_above(fcinfo, CHART_WIDTH, "width", 0));
	check_not_null("exact", PG_ARGISNULL(CHART_EXACT));
	setting(&now, 4, PG_GETARG_BOOL(CHART_EXACT));
	check_settings(&ewma->settings, &now, ewma_chart_settings, lengthof(ewma_chart_settings));
	if (first)
		ewma_chart_begin(fcinfo, ewma);
	WinSetMarkPosition(window, WinGetCurrentPosition(window));
	nulls[0] = !ewma_step(fcinfo, ewma, &x);
	if (!nulls[0])
		values[0] = Float8GetDatum(x);
	if (ewma->has_center)
	{
		values[1] = Float8GetDatum(ewma->value);
		values[2] = Float8GetDatum(ewma->center);
		nulls[1] = nulls[2] = false;
	}
	if (ewma->has_center && ewma->has_sigma)
	{
		double		sigma = ewma_deviation(ewma, now.values[4] != 0);
		double		reach = now.values[3] * sigma;
		double		off = ewma->value - ewma->center;

		values[3] = finite_datum("sigma", sigma);
		values[4] = finite_datum("lower", ewma->center - reach);
		values[5] = finite_datum("upper", ewma->center + reach);
		nulls[3] = nulls[4] = nulls[5] = false;
		/* a row without a value is no news */
		nulls[6] = nulls[0] || (sigma == 0 && off != 0);
		if (!nulls[6])
			values[6] = finite_datum("z", off == 0 ? 0 : off / sigma);
		nulls[7] = nulls[0];
		values[7] = BoolGetDatum(ewma->value < ewma->center - reach || ewma->value > ewma->center + reach);
	}
	PG_RETURN_DATUM(composite_datum(fcinfo, values, nulls));
}

/*
 * modified_z, is_anomaly
 */
enum
{
	Z_X,
	Z_BASELINE,					/* of modified_z */
	Z_THRESHOLD = Z_BASELINE,	/* of is_anomaly */
	Z_THRESHOLD_BASELINE
};

static const char *const anomaly_settings[] = {"threshold"};

/* What a frame says of its values. */
typedef struct Robust
{
	bool		known;			/* has it values at all? */
	double		median;
	double		deviation;		/* a robust standard deviation; 0 where all values are equal */
} Robust;

/* The memory of a partition. */
typedef struct Scores
{
	Settings	settings;
	double	   *values;			/* of the frame, room for "allocated" */
	Size		allocated;
	int			rows;			/* of the partition, where "whole" */
	bool		whole;			/* was the frame of the first row all rows? */
	Robust		of_whole;
} Scores;

/* The middle of sorted values. */
static double
middle(const double *sorted, Size n)
{
	double		low = sorted[(n - 1) / 2];
	double		high = sorted[n / 2];

	return low == high ? low : low / 2 + high / 2;
}

/* The middle of their distances from the median: distances grow to both sides of it, so two ends are merged. */
static double
middle_deviation(const double *sorted, Size n, double median)
{
	Size		right = 0;
	Size		left;
	Size		taken;
	double		before = 0;
	double		distance = 0;

	for (left = n; right < left;)
	{
		Size		between = right + (left - right) / 2;

		if (sorted[between] < median)
			right = between + 1;
		else
			left = between;
	}
	/* sorted[left - 1] is the last below the median, sorted[right] the first that is not */
	for (taken = 0; taken <= n / 2; taken++)
	{
		if (taken % LOOP == 0)
			CHECK_FOR_INTERRUPTS();
		before = distance;
		if (right < n && (left == 0 || sorted[right] - median <= median - sorted[left - 1]))
			distance = sorted[right++] - median;
		else
			distance = median - sorted[--left];
	}
	return n % 2 ? distance : before / 2 + distance / 2;
}

/* Median and spread of the values of a frame, which are sorted. */
static Robust
robust_of(double *values, Size n)
{
	Robust		robust = {false, 0, 0};
	double		mad;

	if (n == 0)
		return robust;
	sort_values(values, n);
	robust.known = true;
	robust.median = middle(values, n);
	finite_datum("the range of x", values[n - 1] - values[0]);
	mad = middle_deviation(values, n, robust.median);
	if (mad > 0)
		robust.deviation = mad / MAD_FACTOR;
	else
	{
		LongSum		sum = {0, 0};
		Size		i;

		for (i = 0; i < n; i++)
		{
			if (i % LOOP == 0)
				CHECK_FOR_INTERRUPTS();
			long_sum_add(&sum, fabs(values[i] - robust.median) / (double) n);
		}
		robust.deviation = MEAN_AD_FACTOR * long_sum(&sum);
	}
	return robust;
}

/* Room for one value more. */
static void
more_values(Scores *scores)
{
	MemoryContext context = GetMemoryChunkContext(scores);
	Size		allocated = scores->allocated ? 2 * scores->allocated : 64;

	check_fit_memory(allocated * sizeof(double));
	if (scores->values)
		scores->values = repalloc_huge(scores->values, allocated * sizeof(double));
	else
		scores->values = MemoryContextAllocHuge(context, allocated * sizeof(double));
	scores->allocated = allocated;
}

/* Read the current row's frame; "rows" is how many it has, the result how many values. */
static Size
read_frame(FunctionCallInfo fcinfo, Scores *scores, int baseline, int *rows)
{
	bool		fixed = get_fn_expr_arg_stable(fcinfo->flinfo, baseline);
	Reading		reading = begin_reading();
	Size		n = 0;
	int			i;

	if (fixed)
		take_current(fcinfo, baseline);
	for (i = 0; i < INT_MAX; i++)
	{
		reading_row(&reading, i);
		if (!take_in_frame(fcinfo, Z_X, i, i == 0))
			break;
		if (!fixed)
			(void) take_in_frame(fcinfo, baseline, i, false);
		if (PG_ARGISNULL(Z_X) || PG_ARGISNULL(baseline) || !PG_GETARG_BOOL(baseline))
			continue;
		if (n == scores->allocated)
			more_values(scores);
		scores->values[n++] = float_argument(fcinfo, Z_X, "x");
	}
	end_reading(&reading);
	*rows = i;
	return n;
}

/* What the current row's frame says: read anew, unless it is the whole partition, which was read before. */
static Robust
robust_of_frame(FunctionCallInfo fcinfo, Scores *scores, int baseline)
{
	int			rows;
	Size		n;
	Robust		robust;

	if (scores->whole && take_in_frame(fcinfo, Z_X, scores->rows - 1, false))
		return scores->of_whole;
	n = read_frame(fcinfo, scores, baseline, &rows);
	robust = robust_of(scores->values, n);
	if (WinGetCurrentPosition(window_of(fcinfo)) == 0 && rows > 1 && rows == partition_rows(fcinfo))
	{
		scores->whole = true;
		scores->rows = rows;
		scores->of_whole = robust;
	}
	return robust;
}

/*
 * The modified z of the current row's x by its frame; false where there is none.
 * It is infinite, and not "measured", where the frame's values are all equal and x is another.
 */
static bool
modified_z(FunctionCallInfo fcinfo, Scores *scores, int baseline, double *z, bool *measured)
{
	Robust		robust = robust_of_frame(fcinfo, scores, baseline);
	double		x;

	take_current(fcinfo, Z_X);
	if (PG_ARGISNULL(Z_X))
		return false;
	x = float_argument(fcinfo, Z_X, "x");
	if (!robust.known)
		return false;
	*measured = x == robust.median || robust.deviation > 0;
	*z = x == robust.median ? 0 : (x - robust.median) / robust.deviation;
	return true;
}

/* modified_z(x, baseline) OVER (...) */
Datum
cm_modified_z(PG_FUNCTION_ARGS)
{
	Scores	   *scores = WinGetPartitionLocalMemory(window_of(fcinfo), sizeof(Scores));
	bool		measured;
	double		z;

	if (!modified_z(fcinfo, scores, Z_BASELINE, &z, &measured) || !measured)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(finite_datum("modified z", z));
}

/* is_anomaly(x, threshold, baseline) OVER (...) */
Datum
cm_is_anomaly(PG_FUNCTION_ARGS)
{
	Scores	   *scores = WinGetPartitionLocalMemory(window_of(fcinfo), sizeof(Scores));
	Settings	now = {0};
	bool		measured;
	double		z;

	take_current(fcinfo, Z_THRESHOLD);
	setting(&now, 0, float_above(fcinfo, Z_THRESHOLD, "threshold", 0));
	check_settings(&scores->settings, &now, anomaly_settings, lengthof(anomaly_settings));
	if (!modified_z(fcinfo, scores, Z_THRESHOLD_BASELINE, &z, &measured))
		PG_RETURN_NULL();
	PG_RETURN_BOOL(fabs(z) > now.values[0]);
}

/*
 * gesd
 */

/* The values that are left, in the order of the array. */
typedef struct Sample
{
	int			n;
	double	   *values;			/* scaled: see gesd_sample */
	int		   *places;			/* in the array, from 0 */
} Sample;

/* One step of the test. */
typedef struct GesdStep
{
	int			place;
	double		r;
	double		lambda;
} GesdStep;

/* The array's values without NULLs; scaled by a power of two where their squares would be out of range, as r has no scale. */
static Sample
gesd_sample(const Datum *elements, const bool *nulls, int n)
{
	Sample		sample = {0, NULL, NULL};
	double		largest = 0;
	int			exponent = 0;
	int			i;

	check_fit_memory((Size) n * (sizeof(double) + sizeof(int)));
	sample.values = palloc_extended(Max(n, 1) * sizeof(double), MCXT_ALLOC_HUGE);
	sample.places = palloc_extended(Max(n, 1) * sizeof(int), MCXT_ALLOC_HUGE);
	for (i = 0; i < n; i++)
	{
		double		value = nulls[i] ? 0 : DatumGetFloat8(elements[i]);

		if (isnan(value) || isinf(value))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("x must be a finite number, not %s", isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity")));
		if (nulls[i])
			continue;
		largest = Max(largest, fabs(value));
		sample.values[sample.n] = value;
		sample.places[sample.n++] = i;
	}
	(void) frexp(largest, &exponent);
	if (abs(exponent) > 400)
		for (i = 0; i < sample.n; i++)
			sample.values[i] = ldexp(sample.values[i], -exponent);
	return sample;
}

/* Remove the value farthest from the mean, the first of several; its distance in standard deviations, or 0 if all are equal. */
static double
gesd_remove(Sample *sample, int *place)
{
	LongSum		sum = {0, 0};
	LongSum		squares = {0, 0};
	double		first = sample->values[0];
	double		mean;
	double		distance = -1;
	int			farthest = 0;
	int			i;

	for (i = 0; i < sample->n; i++)
	{
		if (i % LOOP == 0)
			CHECK_FOR_INTERRUPTS();
		long_sum_add(&sum, sample->values[i] - first);
	}
	mean = first + long_sum(&sum) / sample->n;
	for (i = 0; i < sample->n; i++)
	{
		double		off = fabs(sample->values[i] - mean);

		if (i % LOOP == 0)
			CHECK_FOR_INTERRUPTS();
		long_sum_add(&squares, off * off);
		if (off > distance)
		{
			distance = off;
			farthest = i;
		}
	}
	*place = sample->places[farthest];
	sample->n--;
	memmove(sample->values + farthest, sample->values + farthest + 1, (sample->n - farthest) * sizeof(double));
	memmove(sample->places + farthest, sample->places + farthest + 1, (sample->n - farthest) * sizeof(int));
	return distance == 0 ? 0 : distance / sqrt(long_sum(&squares) / sample->n);
}

/* Rosner's critical value for the largest of "left" values' distances. */
static double
gesd_lambda(int left, double alpha)
{
	double		t = -t_quantile(alpha / (2.0 * left), left - 2);

	return (left - 1) / sqrt(((left - 2) / (t * t) + 1) * left);
}

/* gesd(x, max_outliers, alpha) */
Datum
cm_gesd(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(0);
	int			max_outliers = PG_GETARG_INT32(1);
	double		alpha = float_between(fcinfo, 2, "alpha", 0, 1);
	Datum	   *elements;
	bool	   *isnull;
	int			n;
	int			first;
	int			outliers = 0;
	int			i;
	Sample		sample;
	GesdStep   *steps;

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("x must have one dimension, not %d", ARR_NDIM(array))));
	deconstruct_array(array, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &elements, &isnull, &n);
	first = n > 0 ? ARR_LBOUND(array)[0] : 1;
	sample = gesd_sample(elements, isnull, n);
	if (sample.n < 3)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("x must have 3 values or more, not %d", sample.n),
				 errhint("A NULL is no value.")));
	if (max_outliers < 1 || max_outliers > sample.n - 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_outliers must be between 1 and %d, not %d", sample.n - 2, max_outliers),
				 errdetail("x has %d values, of which two must remain.", sample.n)));
	check_fit_memory((Size) max_outliers * sizeof(GesdStep));
	steps = palloc_extended((Size) max_outliers * sizeof(GesdStep), MCXT_ALLOC_HUGE);
	for (i = 0; i < max_outliers; i++)
	{
		steps[i].lambda = gesd_lambda(sample.n, alpha);
		steps[i].r = gesd_remove(&sample, &steps[i].place);
		if (steps[i].r > steps[i].lambda)
			outliers = i + 1;
	}
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	for (i = 0; i < max_outliers; i++)
	{
		Datum		values[6];
		bool		nulls[6] = {false};

		values[0] = Int32GetDatum(i + 1);
		values[1] = Int32GetDatum(first + steps[i].place);
		values[2] = elements[steps[i].place];
		values[3] = Float8GetDatum(steps[i].r);
		values[4] = Float8GetDatum(steps[i].lambda);
		values[5] = BoolGetDatum(i < outliers);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
