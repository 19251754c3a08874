/*
 * gamma_gamma.c
 *		The Gamma-Gamma model of what a customer's purchases are worth (Fader &
 *		Hardie 2013).  See docs/gamma_gamma.md for the mathematics.
 *
 * A fit works on the logarithms of p, of q and of p v / q, the last in mean values,
 * so that what data do not determine lies at the end of an axis.  A density is taken
 * from its middle, where nothing large is subtracted.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "checks.h"
#include "compat.h"
#include "gamma_gamma.h"
#include "model.h"
#include "numerics.h"
#include "optimise.h"
#include "rfm.h"
#include "tally.h"

PG_FUNCTION_INFO_V1(cm_gg_fit_trans);
PG_FUNCTION_INFO_V1(cm_gg_fit_trans_summary);
PG_FUNCTION_INFO_V1(cm_gg_fit_combine);
PG_FUNCTION_INFO_V1(cm_gg_fit_serial);
PG_FUNCTION_INFO_V1(cm_gg_fit_deserial);
PG_FUNCTION_INFO_V1(cm_gg_fit_final);
PG_FUNCTION_INFO_V1(cm_gg_expected);
PG_FUNCTION_INFO_V1(cm_gg_expected_summary);

/* The fields of a gg_model. */
enum
{
	GG_P,
	GG_Q,
	GG_V,
	GG_SE,
	GG_BOUNDARY,
	GG_LOGLIK,
	GG_N,
	GG_N_SKIPPED,
	GG_N_ITER,
	GG_CORRELATION,
	GG_FIELDS
};

static const char *const gg_fields[GG_FIELDS] = {
	"p", "q", "v", "se", "boundary", "loglik", "n", "n_skipped", "n_iter", "correlation"
};

/* Axes: ln p, ln q and ln (p v / q), the last in mean values. */
static const double gg_lower[3] = {-12, -12, -20};
static const double gg_upper[3] = {12, 12, 20};

/* Rows between two looks for a cancel request. */
#define BLOCK			65536

/* The distinct rows of gg_fit. */
typedef struct Spenders
{
	Size		n;
	double	   *x;
	double	   *z;				/* in units of "scale" */
	double	   *count;
	double		scale;			/* mean z */
} Spenders;

/* ------------------------------------------------------------------
 * The likelihood
 * ------------------------------------------------------------------
 */

/* digamma(w + n) - digamma(w), w > 0, n >= 0. */
static double
digamma_difference(double w, double n)
{
	double		sum = 0;

	for (; w < STIRLING_FROM; w += 1)
		sum += n / (w * (w + n));
	return sum + digamma_rise(w, n);
}

/*
 * ln of p^a (1 - p)^b / B(a, b) where p (a + b) - a is "distance": with large a
 * and b a small difference of large numbers, unless it is taken from the middle.
 */
static double
beta_term(double distance, double a, double b)
{
	return a * log1p_less(distance / a) + b * log1p_less(-distance / b) +
		0.5 * (log(a) + log(b) - log(a + b) - log(2 * M_PI)) - (gamma_rest(a) + gamma_rest(b) - gamma_rest(a + b));
}

/* Parameters from the axes. */
static void
gg_parameters_of(const double *at, double *p)
{
	p[0] = exp(at[0]);
	p[1] = exp(at[1]);
	p[2] = exp(at[2] + at[1] - at[0]);
}

/* Gamma-Gamma: with u = x z / v, the density of z is u^px (1 + u)^-(px + q) / (z B(px, q)). */
static double
gg_likelihood(const double *at, double *gradient, void *data)
{
	Spenders   *rows = data;
	double		p[3];
	double		by[3] = {0};
	LongSum		sum = {0};
	Size		i;

	gg_parameters_of(at, p);
	for (i = 0; i < rows->n; i++)
	{
		double		n = rows->count[i];
		double		shape = p[0] * rows->x[i];
		double		u = rows->x[i] * rows->z[i] / p[2];
		double		distance = (p[1] * u - shape) / (1 + u);

		if (i % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
		long_sum_add(&sum, n * (beta_term(distance, shape, p[1]) - log(rows->z[i])));
		if (gradient)
		{
			by[0] += n * rows->x[i] * (digamma_difference(shape, p[1]) - log1p(1 / u));
			by[1] += n * (digamma_difference(p[1], shape) - log1p(u));
			by[2] += n * distance / p[2];
		}
	}
	if (gradient)
	{
		gradient[0] = p[0] * by[0] - p[2] * by[2];
		gradient[1] = p[1] * by[1] + p[2] * by[2];
		gradient[2] = p[2] * by[2];
	}
	return long_sum(&sum);
}

/* ------------------------------------------------------------------
 * The aggregate
 * ------------------------------------------------------------------
 */

/* Raises 22023: purchases of this mean value the model does not know. */
static void
check_spender(int64 x, double mean_value)
{
	if (x < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("x must be 0 or more, not %lld", (long long) x)));
	if (x > 0 && (isnan(mean_value) || isinf(mean_value) || mean_value <= 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("mean_value must be a finite number above 0, not x = %lld, mean_value = %s",
						(long long) x, number_shown(mean_value)),
				 errhint("The model knows no free purchases and no refunds: leave them out before the mean is taken.")));
}

/* One row of gg_fit: a customer without a repeat purchase is counted as left out. */
static void
add_spender(Tally *tally, int64 x, double mean_value, bool has_mean)
{
	uint64		words[TALLY_MAX_WORDS] = {0};

	check_spender(has_mean ? x : Min(x, 0), mean_value);
	if (x == 0 || !has_mean)
	{
		tally->skipped++;
		return;
	}
	words[0] = (uint64) x;
	words[1] = word_of_double(mean_value);
	tally_add(tally, words, 1);
}

/* The state of gg_fit, made by the first row. */
static Tally *
gg_state(FunctionCallInfo fcinfo)
{
	MemoryContext context = fit_context(fcinfo);

	return PG_ARGISNULL(0) ? tally_create(context, 2) : (Tally *) PG_GETARG_POINTER(0);
}

/* gg_fit(x, mean_value): one row. */
Datum
cm_gg_fit_trans(PG_FUNCTION_ARGS)
{
	Tally	   *tally = gg_state(fcinfo);

	if (PG_ARGISNULL(1))
		tally->skipped++;
	else
		add_spender(tally, PG_GETARG_INT64(1), PG_ARGISNULL(2) ? 0 : PG_GETARG_FLOAT8(2), !PG_ARGISNULL(2));
	PG_RETURN_POINTER(tally);
}

/* gg_fit(summary): one row. */
Datum
cm_gg_fit_trans_summary(PG_FUNCTION_ARGS)
{
	Tally	   *tally = gg_state(fcinfo);
	Summary		summary = {0};

	if (!PG_ARGISNULL(1))
		summary = summary_argument(fcinfo, 1);
	if (summary.known)
		add_spender(tally, summary.x, summary.mean_value, summary.has_mean);
	else
		tally->skipped++;
	PG_RETURN_POINTER(tally);
}

/* Add the second state to the first. */
Datum
cm_gg_fit_combine(PG_FUNCTION_ARGS)
{
	return tally_state_combine(fcinfo);
}

/* The state as bytes. */
Datum
cm_gg_fit_serial(PG_FUNCTION_ARGS)
{
	return tally_state_serial(fcinfo);
}

/* The state from bytes. */
Datum
cm_gg_fit_deserial(PG_FUNCTION_ARGS)
{
	return tally_state_deserial(fcinfo, 2);
}

/* The correlation of x and the mean value over customers; false where one of them is the same for all. */
static bool
gg_correlation(const Spenders *rows, double *correlation)
{
	double		n = 0;
	double		mean_x = 0;
	double		mean_z = 0;
	double		xx = 0;
	double		zz = 0;
	double		xz = 0;
	Size		i;

	for (i = 0; i < rows->n; i++)
	{
		double		count = rows->count[i];
		double		dx = rows->x[i] - mean_x;
		double		dz = rows->z[i] - mean_z;

		if (i % BLOCK == 0)
			CHECK_FOR_INTERRUPTS();
		n += count;
		mean_x += dx * count / n;
		mean_z += dz * count / n;
		xx += count * dx * (rows->x[i] - mean_x);
		zz += count * dz * (rows->z[i] - mean_z);
		xz += count * dx * (rows->z[i] - mean_z);
	}
	if (!(xx > 0 && zz > 0))
		return false;
	*correlation = Min(Max(xz / sqrt(xx) / sqrt(zz), -1), 1);
	return true;
}

/* The distinct rows of a state, in units of the mean value. */
static Spenders
spenders_of(Tally *tally)
{
	Spenders	rows;
	LongSum		sum = {0};
	double		largest = 0;
	double		least = INFINITY;
	Size		i;

	tally_sort(tally);
	check_fit_memory(3 * tally->n * sizeof(double));
	rows.n = tally->n;
	rows.x = MemoryContextAllocHuge(CurrentMemoryContext, tally->n * sizeof(double));
	rows.z = MemoryContextAllocHuge(CurrentMemoryContext, tally->n * sizeof(double));
	rows.count = MemoryContextAllocHuge(CurrentMemoryContext, tally->n * sizeof(double));
	for (i = 0; i < tally->n; i++)
	{
		if (i % BLOCK == 0)
			CHECK_FOR_INTERRUPTS();
		rows.x[i] = (double) tally_words(tally, i)[0];
		rows.z[i] = double_of_word(tally_words(tally, i)[1]);
		rows.count[i] = (double) tally_count(tally, i);
		largest = Max(largest, rows.z[i]);
		least = Min(least, rows.z[i]);
	}
	if (largest == least)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("gg_fit needs customers who spend differently: mean_value is %s in all %llu rows",
						number_shown(least), (unsigned long long) tally->total),
				 errhint("Where every purchase has the same value no model is needed: that is the value to expect.")));
	for (i = 0; i < rows.n; i++)
		long_sum_add(&sum, rows.z[i] / largest * rows.count[i]);
	rows.scale = largest * (long_sum(&sum) / (double) tally->total);
	for (i = 0; i < rows.n; i++)
		rows.z[i] = Max(rows.z[i] / rows.scale, 1e-300);
	return rows;
}

/* Standard errors of p, q and v, in the rows' units; false where the data do not determine them. */
static bool
gg_errors(const Problem *problem, const Maximum *maximum, const double *p, double *se)
{
	double		c[MAXIMUM_PARAMETERS * MAXIMUM_PARAMETERS];
	double		variance;

	if (!maximum_covariance(problem, maximum, c))
		return false;
	se[0] = p[0] * sqrt(c[0]);
	se[1] = p[1] * sqrt(c[4]);
	variance = c[0] + c[4] + c[8] - 2 * c[1] - 2 * c[2] + 2 * c[5];
	se[2] = p[2] * sqrt(Max(variance, 0));
	return true;
}

/* In words, at which limit a maximum without standard errors lies. */
static const char *
gg_boundary(const Maximum *maximum)
{
	if (maximum->bound[0])
		return maximum->at[0] > 0 ? "equal purchases" : "undetermined";
	return maximum->bound[1] && maximum->at[1] > 0 ? "equal customers" : "undetermined";
}

/* gg_fit: the model. */
Datum
cm_gg_fit_final(PG_FUNCTION_ARGS)
{
	static const double starts[] = {1, 1.3, 0, 2.5, 0.7, 0, 0, 2, 0, 3, 3, 0};
	Tally	   *tally = PG_ARGISNULL(0) ? NULL : (Tally *) PG_GETARG_POINTER(0);
	Spenders	rows;
	Problem		problem = {gg_likelihood, &rows, 3, gg_lower, gg_upper};
	Maximum		maximum;
	Datum		values[GG_FIELDS] = {0};
	bool		nulls[GG_FIELDS] = {false};
	double		p[3];
	double		se[3];
	double		correlation = 0;

	fit_context(fcinfo);
	if (tally == NULL || tally->total == 0)
		PG_RETURN_NULL();
	rows = spenders_of(tally);
	maximise(&problem, starts, 4, 2, &maximum);
	check_converged(&maximum, "gg_fit");
	gg_parameters_of(maximum.at, p);
	nulls[GG_SE] = !gg_errors(&problem, &maximum, p, se);
	nulls[GG_BOUNDARY] = !nulls[GG_SE];
	p[2] = finite_result(p[2] * rows.scale, "a parameter");
	if (nulls[GG_SE])
		values[GG_BOUNDARY] = CStringGetTextDatum(gg_boundary(&maximum));
	else
	{
		se[2] = finite_result(se[2] * rows.scale, "a standard error");
		values[GG_SE] = float_array(se, 3);
	}
	values[GG_P] = Float8GetDatum(p[0]);
	values[GG_Q] = Float8GetDatum(p[1]);
	values[GG_V] = Float8GetDatum(p[2]);
	values[GG_LOGLIK] = Float8GetDatum(maximum.value - (double) tally->total * log(rows.scale));
	values[GG_N] = Int64GetDatum(tally->total);
	values[GG_N_SKIPPED] = Int64GetDatum(tally->skipped);
	values[GG_N_ITER] = Int64GetDatum(maximum.iterations);
	nulls[GG_CORRELATION] = !gg_correlation(&rows, &correlation);
	values[GG_CORRELATION] = Float8GetDatum(correlation);
	PG_RETURN_DATUM(composite_datum(fcinfo, values, nulls));
}

/* ------------------------------------------------------------------
 * One customer by a model
 * ------------------------------------------------------------------
 */

/* Read a Gamma-Gamma model. */
GammaGamma
gg_argument(FunctionCallInfo fcinfo, int argument)
{
	Model		model = model_argument(fcinfo, argument, "gg_model", gg_fields, GG_FIELDS);
	GammaGamma	g;

	g.p = model_float(&model, GG_P, 1e-300, 1e300);
	g.q = model_float(&model, GG_Q, 1e-300, 1e300);
	g.v = model_float(&model, GG_V, 1e-300, 1e300);
	return g;
}

/* The mean value of a customer's purchases to come; raises 22003 where it is infinite, 22023 for a value that cannot be. */
double
gg_value(const GammaGamma *g, int64 x, double mean_value)
{
	double		below;

	check_spender(x, mean_value);
	below = g->p * (double) x + (g->q - 1);
	if (!(below > 0))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("the expected value is infinite: q is %s, not more than 1", number_shown(g->q)),
				 errdetail("p x + q - 1 is %s for x = %lld.", number_shown(below), (long long) x),
				 errhint("A few very large purchases make the mean of all customers infinite in this model; leave them out, or cap them.")));
	if (x == 0)
		return finite_result(g->p / below * g->v, "the expected value");
	return finite_result(g->p / below * (g->v + (double) x * mean_value), "the expected value");
}

/* gg_expected(model, x, mean_value): not strict, since mean_value does not matter where x is 0. */
Datum
cm_gg_expected(PG_FUNCTION_ARGS)
{
	GammaGamma	g;
	int64		x;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || (PG_ARGISNULL(2) && PG_GETARG_INT64(1) != 0))
		PG_RETURN_NULL();
	g = gg_argument(fcinfo, 0);
	x = PG_GETARG_INT64(1);
	PG_RETURN_FLOAT8(gg_value(&g, x, x == 0 ? 0 : PG_GETARG_FLOAT8(2)));
}

/* gg_expected(model, summary) */
Datum
cm_gg_expected_summary(PG_FUNCTION_ARGS)
{
	GammaGamma	g = gg_argument(fcinfo, 0);
	Summary		summary = summary_argument(fcinfo, 1);

	if (!summary.known || (summary.x != 0 && !summary.has_mean))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(gg_value(&g, summary.x, summary.x == 0 ? 0 : summary.mean_value));
}
