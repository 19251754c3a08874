/*
 * sbg.c
 *		The shifted beta-geometric model of contractual renewals: who renews how
 *		often, with churn that differs from customer to customer.  See docs/sbg.md
 *		for the mathematics and their source.
 *
 * A customer's row is one word: its age in renewals, doubled, plus 1 if it was
 * lost at that renewal.  Sorted, the rows are walked by age with the number of
 * customers who face each renewal, so a pass of the fit takes time by the
 * highest age, whatever the number of customers, and no memory of its own.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "catalog/pg_type.h"
#include "common/int.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "checks.h"
#include "compat.h"
#include "intervals.h"
#include "model.h"
#include "numerics.h"
#include "report.h"
#include "tally.h"

PG_FUNCTION_INFO_V1(cm_sbg_trans);
PG_FUNCTION_INFO_V1(cm_sbg_trans_n);
PG_FUNCTION_INFO_V1(cm_sbg_combine);
PG_FUNCTION_INFO_V1(cm_sbg_serial);
PG_FUNCTION_INFO_V1(cm_sbg_deserial);
PG_FUNCTION_INFO_V1(cm_sbg_final);
PG_FUNCTION_INFO_V1(cm_sbg_survival);
PG_FUNCTION_INFO_V1(cm_sbg_retention);
PG_FUNCTION_INFO_V1(cm_sbg_project);
PG_FUNCTION_INFO_V1(cm_sbg_clv);
PG_FUNCTION_INFO_V1(cm_sbg_lifetime);

/* The highest age, and the longest projection. */
#define MAX_AGE			1000000

/* Steps between two looks for a cancel request. */
#define BLOCK			16384

/* Newton's method: steps, the longest one, and the gain in log-likelihood that the last one promises. */
#define MAX_ITERATIONS	100
#define LONGEST_STEP	2.0
#define LAST_GAIN		1e-12

/*
 * The boundary: ln(alpha + beta) above LARGE_SPREAD, or above that of SPREAD_OF_AGES
 * times the highest age where this is more, or less than LEAST_GAIN over the
 * geometric model; ln(alpha + beta) below SMALL_SPREAD no data of 2^63 customers have.
 */
#define LARGE_SPREAD	12.0
#define SPREAD_OF_AGES	100.0
#define SMALL_SPREAD	(-80.0)
#define LEAST_GAIN		1e-6

/* What an alpha or beta of a model may be; fits stay far within. */
#define LEAST_PARAMETER	1e-100
#define MOST_PARAMETER	1e15

/* The shapes that survival may have. */
typedef enum SbgForm
{
	FORM_SBG,					/* products of (beta + k) / (alpha + beta + k) */
	FORM_GEOMETRIC,				/* powers of 1 - mean_churn */
	FORM_SPLIT,					/* 1 - mean_churn from the first renewal on */
	FORM_NONE					/* nobody had a renewal: nothing is known */
} SbgForm;

static const char *const form_names[] = {"sbg", "geometric", "split", "none"};

/* The fields of sbg_model. */
enum
{
	F_ALPHA,
	F_BETA,
	F_MEAN_CHURN,
	F_LOGLIK,
	F_SE_ALPHA,
	F_SE_BETA,
	F_N,
	F_N_CHURNED,
	F_N_ITER,
	F_BOUNDARY,
	F_FORM,
	F_SE_MEAN_CHURN,
	F_COVARIANCE,
	F_LOGLIK_GEOMETRIC,
	F_N_EXPOSED,
	F_RENEWALS,
	F_N_SKIPPED,
	MODEL_FIELDS
};

static const char *const field_names[] = {
	"alpha", "beta", "mean_churn", "loglik", "se_alpha", "se_beta", "n", "n_churned", "n_iter", "boundary",
	"form", "se_mean_churn", "covariance", "loglik_geometric", "n_exposed", "renewals", "n_skipped"
};

/* The customers of a fit. */
typedef struct Customers
{
	const Tally *tally;			/* sorted */
	int64		churned;
	int64		churned_first;	/* at the first renewal */
	int64		exposed;		/* with a renewal behind them: all but those of age 0 */
	int64		renewals;		/* that came due, of all customers */
	int64		max_age;
} Customers;

/* The log-likelihood somewhere: u = logit of the mean churn, v = ln(alpha + beta). */
typedef struct Place
{
	double		u;
	double		v;
	double		alpha;
	double		beta;
	double		loglik;
	double		gradient[2];
	double		information[3]; /* the negative second derivatives by uu, uv, vv */
} Place;

/* How a search by Newton's method ended. */
typedef enum SearchEnd
{
	SEARCH_CONVERGED,
	SEARCH_GEOMETRIC,			/* ran off to where the model is the geometric one */
	SEARCH_FAILED
} SearchEnd;

/* What the final function keeps from group to group. */
typedef struct FinalExtra
{
	TupleDesc	tupdesc;
	bool		told;			/* about a boundary */
} FinalExtra;

/* A model that an accessor was given, without what it does not need. */
typedef struct Curve
{
	SbgForm		form;
	double		alpha;
	double		beta;
	double		mean;			/* churn at the first renewal */
	bool		has_bounds;
	double		covariance[3];	/* of u and v: uu, uv, vv */
	double		trials;			/* renewals that the mean of another form rests on */
} Curve;

/* Count a customer, or n of them, in the state of an aggregate. */
static Datum
add_customers(FunctionCallInfo fcinfo, bool weighted)
{
	MemoryContext context = fit_context(fcinfo);
	Tally	   *tally = PG_ARGISNULL(0) ? tally_create(context, 1) : (Tally *) PG_GETARG_POINTER(0);
	int64		age;
	bool		churned;
	int64		n;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2) || (weighted && PG_ARGISNULL(3)))
	{
		tally->skipped++;
		PG_RETURN_POINTER(tally);
	}
	age = PG_GETARG_INT64(1);
	churned = PG_GETARG_BOOL(2);
	n = weighted ? PG_GETARG_INT64(3) : 1;
	if (age < 0 || age > MAX_AGE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("age must be between 0 and %d, not %lld", MAX_AGE, (long long) age),
				 errhint("Age is a number of renewals, such as months of a monthly plan.")));
	if (churned && age == 0 && n > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("age must be 1 or more where churned is true, not 0"),
				 errhint("The age of a lost customer is the number of the renewal that did not come; the first one is 1.")));
	if (weighted)
		check_at_least("n", n, 0, "Where customers come back, a cohort may grow: fit from the lifetimes of customers then.");
	if (n > 0)
		tally_add_word(tally, ((uint64) age << 1) | churned, n);
	PG_RETURN_POINTER(tally);
}

/* sbg_fit(age, churned): count a row. */
Datum
cm_sbg_trans(PG_FUNCTION_ARGS)
{
	return add_customers(fcinfo, false);
}

/* sbg_fit(age, churned, n): count a row of n customers. */
Datum
cm_sbg_trans_n(PG_FUNCTION_ARGS)
{
	return add_customers(fcinfo, true);
}

/* Add the second state to the first. */
Datum
cm_sbg_combine(PG_FUNCTION_ARGS)
{
	return tally_state_combine(fcinfo);
}

/* The state as bytes. */
Datum
cm_sbg_serial(PG_FUNCTION_ARGS)
{
	return tally_state_serial(fcinfo);
}

/* The state from bytes. */
Datum
cm_sbg_deserial(PG_FUNCTION_ARGS)
{
	return tally_state_deserial(fcinfo, 1);
}

/* Count what the rows of a tally hold; raises 22003 above 2^63 renewals. */
static Customers
count_customers(Tally *tally)
{
	Customers	customers = {tally, 0, 0, 0, 0, 0};
	Size		i;

	tally_sort(tally);
	for (i = 0; i < tally->n; i++)
	{
		uint64		word = *tally_words(tally, i);
		int64		age = word >> 1;
		int64		count = tally_count(tally, i);
		int64		renewals;

		if (age == 0)
			continue;
		if (pg_mul_s64_overflow(age, count, &renewals) ||
			pg_add_s64_overflow(customers.renewals, renewals, &customers.renewals))
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("the renewals of all customers are more than %lld", (long long) PG_INT64_MAX)));
		customers.exposed += count;
		customers.max_age = age;
		if (word & 1)
		{
			customers.churned += count;
			if (age == 1)
				customers.churned_first += count;
		}
	}
	return customers;
}

/* The log-likelihood and its derivatives at u and v.  See docs/sbg.md, "The fit". */
static Place
look_at(const Customers *customers, double u, double v)
{
	const Tally *tally = customers->tally;
	double		mean = logistic(u);
	double		rest = logistic(-u);
	double		s = exp(v);
	Place		place = {u, v, mean * s, rest * s, 0, {0, 0}, {0, 0, 0}};
	double		alpha = place.alpha;
	double		beta = place.beta;
	int64		facing = customers->exposed;
	LongSum		loglik = {0, 0};
	LongSum		first = {0, 0};
	LongSum		second = {0, 0};
	double		sum_uu = 0;
	double		sum_uv = 0;
	double		sum_vv = 0;
	int64		k = 0;			/* renewals before this one */
	Size		i = 0;

	while (facing > 0)
	{
		int64		lost = 0;
		int64		alive = 0;
		double		q = 1 / (s + k);
		double		p = 1 / (beta + k);
		double		hazard = alpha * q;
		double		stay;
		double		excess;

		if (k % BLOCK == 0)
			CHECK_FOR_INTERRUPTS();
		for (; i < tally->n && (int64) (*tally_words(tally, i) >> 1) <= k + 1; i++)
		{
			uint64		word = *tally_words(tally, i);

			if (word >> 1 == 0)
				continue;
			if (word & 1)
				lost = tally_count(tally, i);
			else
				alive = tally_count(tally, i);
		}
		stay = facing - lost;
		excess = lost - stay * alpha * p;
		if (lost > 0)
			long_sum_add(&loglik, lost * (hazard < 0.5 ? log(hazard) : log1p(-(beta + k) * q)));
		long_sum_add(&loglik, stay * (hazard < 0.5 ? log1p(-hazard) : log((beta + k) * q)));
		long_sum_add(&first, excess);
		long_sum_add(&second, k * q * excess);
		sum_uu += stay * (s + k) * p * p;
		sum_uv += stay * k * p * p;
		sum_vv += k * q * (s * q * excess + alpha * stay * k * p * p);
		facing -= lost + alive;
		k++;
	}
	place.loglik = long_sum(&loglik);
	place.gradient[0] = rest * long_sum(&first);
	place.gradient[1] = long_sum(&second);
	place.information[0] = rest * (mean * long_sum(&first) + alpha * rest * sum_uu);
	place.information[1] = rest * alpha * sum_uv;
	place.information[2] = sum_vv;
	return place;
}

/* The determinant of a matrix uu, uv, vv if it is positive definite, otherwise 0. */
static double
determinant(const double *matrix)
{
	double		product = matrix[0] * matrix[2];
	double		value = product - matrix[1] * matrix[1];

	return matrix[0] > 0 && matrix[2] > 0 && value > 1e-14 * product ? value : 0;
}

/* Follow Newton's method uphill from a place to a maximum, which replaces it. */
static SearchEnd
search(const Customers *customers, Place *place, double largest_v, int *iterations)
{
	for (*iterations = 1; *iterations <= MAX_ITERATIONS; (*iterations)++)
	{
		const double *g = place->gradient;
		const double *m = place->information;
		double		det = determinant(m);
		double		du;
		double		dv;
		double		gain;
		double		length;
		Place		next;

		if (det > 0)
		{
			du = (g[0] * m[2] - g[1] * m[1]) / det;
			dv = (g[1] * m[0] - g[0] * m[1]) / det;
		}
		else
		{
			/* not near a maximum: each way by itself, and up */
			du = g[0] / Max(fabs(m[0]), DBL_MIN);
			dv = g[1] / Max(fabs(m[2]), DBL_MIN);
		}
		gain = g[0] * du + g[1] * dv;
		length = LONGEST_STEP / Max(LONGEST_STEP, Max(fabs(du), fabs(dv)));
		for (;;)
		{
			next = look_at(customers, place->u + length * du, place->v + length * dv);
			/* a gain below what the sum can show is believed */
			if (next.loglik > place->loglik || gain <= 1e-11 * fabs(place->loglik) || gain <= LAST_GAIN)
				break;
			length /= 2;
			if (length < 1e-10)
				return SEARCH_FAILED;
		}
		*place = next;
		if (!(next.v <= largest_v))
			return SEARCH_GEOMETRIC;
		if (!(next.v >= SMALL_SPREAD))
			return SEARCH_FAILED;
		if (det > 0 && gain <= LAST_GAIN)
			return determinant(place->information) > 0 ? SEARCH_CONVERGED : SEARCH_FAILED;
	}
	return SEARCH_FAILED;
}

/*
 * The best maximum within the boundaries, if there is any above "least"; raises
 * 22000 if no search came to an end.  There may be a maximum beside a rise to the
 * geometric model, so searches begin at several spreads.
 */
static bool
find_maximum(const Customers *customers, double least, Place *best, int *iterations)
{
	static const double starts[] = {0, 4, 8};
	double		largest_v = Max(LARGE_SPREAD, log(SPREAD_OF_AGES * customers->max_age));
	double		u = log((double) customers->churned) - log((double) (customers->renewals - customers->churned));
	bool		found = false;
	bool		ended = false;
	int			i;

	*iterations = 0;
	for (i = 0; i < (int) lengthof(starts); i++)
	{
		Place		place = look_at(customers, u, starts[i]);
		int			steps;
		SearchEnd	end = search(customers, &place, largest_v, &steps);

		if (end == SEARCH_FAILED)
			continue;
		ended = true;
		if (end == SEARCH_CONVERGED && place.loglik - least >= LEAST_GAIN &&
			(!found || place.loglik > best->loglik + LEAST_GAIN))
		{
			*best = place;
			*iterations = steps;
			found = true;
		}
	}
	if (!ended)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("sbg_fit found no maximum of the likelihood within %d iterations", MAX_ITERATIONS),
				 errdetail("There are %lld customers, %lld of them lost, with ages up to %lld.",
						   (long long) customers->tally->total, (long long) customers->churned, (long long) customers->max_age),
				 errhint("Look at the number of customers by age and churned: the model supposes churn that falls with age.")));
	return found;
}

/* part x ln(part / of), which is 0 for none and for all; of nearly all, ln(1 - the rest). */
static double
log_share(int64 part, int64 of)
{
	if (part == 0 || part == of)
		return 0;
	return part * (part <= of / 2 ? log((double) part / of) : log1p(-((double) (of - part) / of)));
}

/* The log-likelihood of losing "lost" of "of" with the chance that fits best. */
static double
binomial_loglik(int64 lost, int64 of)
{
	return log_share(lost, of) + log_share(of - lost, of);
}

/* Put the fit of a maximum into a model. */
static void
put_maximum(const Place *place, Datum *values, bool *nulls)
{
	const double *m = place->information;
	double		det = determinant(m);
	double		covariance[3] = {m[2] / det, -m[1] / det, m[0] / det};
	double		alpha = place->alpha;
	double		beta = place->beta;
	double		w = logistic(place->u) * beta;	/* of alpha, by u */
	double		mean = logistic(place->u);

	values[F_ALPHA] = Float8GetDatum(alpha);
	values[F_BETA] = Float8GetDatum(beta);
	values[F_SE_ALPHA] = Float8GetDatum(sqrt(w * w * covariance[0] + 2 * w * alpha * covariance[1] + alpha * alpha * covariance[2]));
	values[F_SE_BETA] = Float8GetDatum(sqrt(w * w * covariance[0] - 2 * w * beta * covariance[1] + beta * beta * covariance[2]));
	values[F_MEAN_CHURN] = Float8GetDatum(mean);
	values[F_SE_MEAN_CHURN] = Float8GetDatum(mean * logistic(-place->u) * sqrt(covariance[0]));
	values[F_COVARIANCE] = float_array(covariance, 3);
	values[F_LOGLIK] = Float8GetDatum(place->loglik);
	nulls[F_ALPHA] = nulls[F_BETA] = nulls[F_SE_ALPHA] = nulls[F_SE_BETA] = false;
	nulls[F_COVARIANCE] = nulls[F_SE_MEAN_CHURN] = false;
}

/* Put the fit of a boundary into a model: so many lost of so many that had the chance. */
static void
put_boundary(int64 lost, int64 of, Datum *values, bool *nulls)
{
	double		mean = (double) lost / of;

	values[F_MEAN_CHURN] = Float8GetDatum(mean);
	values[F_LOGLIK] = Float8GetDatum(binomial_loglik(lost, of));
	if (lost > 0 && lost < of)
	{
		values[F_SE_MEAN_CHURN] = Float8GetDatum(sqrt(mean * ((double) (of - lost) / of) / of));
		nulls[F_SE_MEAN_CHURN] = false;
	}
}

/* Tell, once a query, that a fit is at the boundary. */
static void
tell_boundary(FinalExtra *extra, SbgForm form, const Customers *customers)
{
	if (extra->told)
		return;
	extra->told = true;
	if (form == FORM_GEOMETRIC)
		ereport(NOTICE,
				(errmsg("sbg_fit: no spread of churn is seen between customers, so the model is the geometric one"),
				 errdetail("%lld of %lld renewals did not come.", (long long) customers->churned, (long long) customers->renewals),
				 errhint("All functions of the model work; \"boundary\" and \"form\" tell which fits are meant.")));
	else
		ereport(NOTICE,
				(errmsg("sbg_fit: customers left at the first renewal only, so the model is a share that leaves and a rest that stays"),
				 errdetail("%lld of %lld first renewals did not come.", (long long) customers->churned, (long long) customers->exposed),
				 errhint("All functions of the model work; \"boundary\" and \"form\" tell which fits are meant.")));
}

/* Fit the model to the customers. */
static SbgForm
fit(const Customers *customers, Datum *values, bool *nulls)
{
	double		geometric = 0;
	SbgForm		form = FORM_GEOMETRIC;
	Place		best = {0};
	int			iterations = 0;

	if (customers->exposed == 0)
		form = FORM_NONE;
	else
		geometric = binomial_loglik(customers->churned, customers->renewals);
	if (customers->churned > 0 && customers->max_age > 1)
	{
		if (customers->churned == customers->churned_first)
			form = FORM_SPLIT;
		else if (find_maximum(customers, geometric, &best, &iterations))
			form = FORM_SBG;
	}
	memset(nulls, true, MODEL_FIELDS * sizeof(bool));
	nulls[F_N] = nulls[F_N_CHURNED] = nulls[F_N_ITER] = nulls[F_FORM] = false;
	nulls[F_N_EXPOSED] = nulls[F_RENEWALS] = nulls[F_N_SKIPPED] = false;
	nulls[F_MEAN_CHURN] = nulls[F_LOGLIK] = nulls[F_LOGLIK_GEOMETRIC] = nulls[F_BOUNDARY] = form == FORM_NONE;
	if (form == FORM_SBG)
		put_maximum(&best, values, nulls);
	else if (form == FORM_GEOMETRIC)
		put_boundary(customers->churned, customers->renewals, values, nulls);
	else if (form == FORM_SPLIT)
		put_boundary(customers->churned, customers->exposed, values, nulls);
	values[F_N] = Int64GetDatum((int64) customers->tally->total);
	values[F_N_CHURNED] = Int64GetDatum(customers->churned);
	values[F_N_EXPOSED] = Int64GetDatum(customers->exposed);
	values[F_RENEWALS] = Int64GetDatum(customers->renewals);
	values[F_N_SKIPPED] = Int64GetDatum(customers->tally->skipped);
	values[F_N_ITER] = Int64GetDatum(iterations);
	values[F_FORM] = CStringGetTextDatum(form_names[form]);
	values[F_BOUNDARY] = BoolGetDatum(form != FORM_SBG);
	values[F_LOGLIK_GEOMETRIC] = Float8GetDatum(geometric);
	return form;
}

/* sbg_fit: the model of the customers, NULL if there are none. */
Datum
cm_sbg_final(PG_FUNCTION_ARGS)
{
	FinalExtra *extra = fcinfo->flinfo->fn_extra;
	Tally	   *tally = PG_ARGISNULL(0) ? NULL : (Tally *) PG_GETARG_POINTER(0);
	Datum		values[MODEL_FIELDS] = {0};
	bool		nulls[MODEL_FIELDS];
	Customers	customers;
	SbgForm		form;

	fit_context(fcinfo);
	if (tally == NULL || tally->total == 0)
		PG_RETURN_NULL();
	if (extra == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
		TupleDesc	tupdesc;

		if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE || tupdesc->natts != MODEL_FIELDS)
			elog(ERROR, "sbg_fit must return sbg_model");
		extra = palloc0(sizeof(FinalExtra));
		extra->tupdesc = BlessTupleDesc(tupdesc);
		fcinfo->flinfo->fn_extra = extra;
		MemoryContextSwitchTo(old);
	}
	customers = count_customers(tally);
	form = fit(&customers, values, nulls);
	if (form == FORM_GEOMETRIC || form == FORM_SPLIT)
		tell_boundary(extra, form, &customers);
	return HeapTupleGetDatum(heap_form_tuple(extra->tupdesc, values, nulls));
}

/* Read the form of a model. */
static SbgForm
model_form(const Model *model)
{
	char	   *word;
	int			i;

	if (model->nulls[F_FORM])
		model_invalid(model, field_names[F_FORM]);
	word = TextDatumGetCString(model->values[F_FORM]);
	for (i = 0; i < (int) lengthof(form_names); i++)
		if (strcmp(word, form_names[i]) == 0)
			return i;
	model_invalid(model, field_names[F_FORM]);
	return FORM_NONE;
}

/* Read the covariance of a model, if it has one. */
static void
read_covariance(const Model *model, Curve *curve)
{
	const double *values;
	int			n;

	if (model->nulls[F_COVARIANCE])
		return;
	values = model_floats(model, F_COVARIANCE, &n);
	if (n != 3 || values[0] < 0 || values[2] < 0)
		model_invalid(model, field_names[F_COVARIANCE]);
	memcpy(curve->covariance, values, sizeof(curve->covariance));
	curve->has_bounds = true;
}

/* Read the first argument's curve; false if its model knows nothing. */
static bool
curve_argument(FunctionCallInfo fcinfo, Curve *curve)
{
	Model		model = model_argument(fcinfo, 0, "sbg_model", field_names, MODEL_FIELDS);
	int			trials;

	memset(curve, 0, sizeof(*curve));
	curve->form = model_form(&model);
	if (curve->form == FORM_NONE)
		return false;
	if (curve->form == FORM_SBG)
	{
		curve->alpha = model_float(&model, F_ALPHA, LEAST_PARAMETER, MOST_PARAMETER);
		curve->beta = model_float(&model, F_BETA, LEAST_PARAMETER, MOST_PARAMETER);
		curve->mean = curve->alpha / (curve->alpha + curve->beta);
		read_covariance(&model, curve);
		return true;
	}
	if (!model.nulls[F_ALPHA])
		model_invalid(&model, field_names[F_ALPHA]);
	if (!model.nulls[F_BETA])
		model_invalid(&model, field_names[F_BETA]);
	curve->mean = model_float(&model, F_MEAN_CHURN, 0, 1);
	trials = curve->form == FORM_GEOMETRIC ? F_RENEWALS : F_N_EXPOSED;
	if (!model.nulls[trials])
	{
		curve->trials = (double) model_int(&model, trials, 1, PG_INT64_MAX);
		curve->has_bounds = true;
	}
	return true;
}

/* An argument that counts renewals, between "least" and MAX_AGE. */
static int64
renewals_argument(int64 value, const char *name, int64 least)
{
	if (value < least || value > MAX_AGE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be between %lld and %d, not %lld", name, (long long) least, MAX_AGE, (long long) value)));
	return value;
}

/* The share of those who face renewal t (1 or more) that renews. */
static double
retention_at(const Curve *curve, int64 t)
{
	if (curve->form == FORM_SBG)
		return (curve->beta + (t - 1)) / (curve->alpha + curve->beta + (t - 1));
	if (curve->form == FORM_SPLIT && t > 1)
		return 1;
	return 1 - curve->mean;
}

/* The share that is left after t renewals. */
static double
survival_at(const Curve *curve, int64 t)
{
	double		survival = 1;
	int64		i;

	if (t == 0)
		return 1;
	if (curve->form == FORM_SPLIT)
		return 1 - curve->mean;
	if (curve->form == FORM_GEOMETRIC)
		return exp(t * log1p(-curve->mean));
	for (i = 1; i <= t; i++)
	{
		if (i % BLOCK == 0)
			CHECK_FOR_INTERRUPTS();
		survival *= retention_at(curve, i);
	}
	return survival;
}

/* sbg_survival(model, t) */
Datum
cm_sbg_survival(PG_FUNCTION_ARGS)
{
	Curve		curve;
	int64		t = renewals_argument(PG_GETARG_INT64(1), "t", 0);

	if (!curve_argument(fcinfo, &curve))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(survival_at(&curve, t));
}

/* sbg_retention(model, t) */
Datum
cm_sbg_retention(PG_FUNCTION_ARGS)
{
	Curve		curve;
	int64		t = renewals_argument(PG_GETARG_INT64(1), "t", 1);

	if (!curve_argument(fcinfo, &curve))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(retention_at(&curve, t));
}

/* How the logarithm of survival moves with u and v, and what it is, up to a renewal. */
typedef struct LogSurvival
{
	LongSum		value;
	LongSum		by_u;
	LongSum		by_v;
} LogSurvival;

/* Go on to the next renewal, before which there were k. */
static void
log_survival_add(LogSurvival *logs, const Curve *curve, int64 k)
{
	double		s = curve->alpha + curve->beta;
	double		hazard = curve->alpha / (s + k);

	long_sum_add(&logs->value, hazard < 0.5 ? log1p(-hazard) : log((curve->beta + k) / (s + k)));
	long_sum_add(&logs->by_u, -curve->mean * (curve->beta / (curve->beta + k)));
	long_sum_add(&logs->by_v, -hazard * (k / (curve->beta + k)));
}

/* Bounds of survival at t: of the normal distribution for ln(-ln S), or from those of the mean. */
static void
survival_bounds(const Curve *curve, const LogSurvival *logs, int64 t, double z, double *lower, double *upper)
{
	*lower = *upper = 1;
	if (t == 0 || !curve->has_bounds)
		return;
	if (curve->form == FORM_SBG)
	{
		const double *c = curve->covariance;
		double		value = long_sum(&logs->value);
		double		u = long_sum(&logs->by_u);
		double		v = long_sum(&logs->by_v);
		double		reach = z * sqrt(Max(u * u * c[0] + 2 * u * v * c[1] + v * v * c[2], 0)) / -value;

		if (!(value < 0) || isnan(reach))
			return;
		*lower = exp(value * exp(reach));
		*upper = exp(value * exp(-reach));
	}
	else
	{
		Bounds		churn = wilson_bounds(curve->mean * curve->trials, curve->trials, z);
		Curve		end = *curve;

		end.mean = churn.upper;
		*lower = survival_at(&end, t);
		end.mean = churn.lower;
		*upper = survival_at(&end, t);
	}
}

/* sbg_project(model, horizon, confidence): a row for each period from 0. */
Datum
cm_sbg_project(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Curve		curve;
	int64		horizon = renewals_argument(PG_GETARG_INT32(1), "horizon", 0);
	double		z = normal_deviate(confidence_argument(fcinfo, 2));
	bool		known = curve_argument(fcinfo, &curve);
	LogSurvival logs = {{0, 0}, {0, 0}, {0, 0}};
	double		survival = 1;
	int64		t;
	MemoryContext old;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	if (!known)
		return (Datum) 0;
	old = report_rows_begin();
	for (t = 0; t <= horizon; t++)
	{
		Datum		values[5];
		bool		nulls[5] = {false, t == 0, false, !curve.has_bounds, !curve.has_bounds};
		double		retention = t > 0 ? retention_at(&curve, t) : 1;
		double		lower;
		double		upper;

		if (curve.form == FORM_SBG && t > 0)
		{
			survival *= retention;
			log_survival_add(&logs, &curve, t - 1);
		}
		else
			survival = survival_at(&curve, t);
		survival_bounds(&curve, &logs, t, z, &lower, &upper);
		values[0] = Int32GetDatum((int32) t);
		values[1] = Float8GetDatum(retention);
		values[2] = Float8GetDatum(survival);
		values[3] = Float8GetDatum(Min(lower, survival));
		values[4] = Float8GetDatum(Max(upper, survival));
		report_row(result, values, nulls);
	}
	report_rows_end(old);
	return (Datum) 0;
}

/*
 * The mean of (1 + d) / (d + theta) for theta of the beta distribution, d > 0: the
 * payments of a customer who leaves with the chance theta, today's value of them.
 * It is 2F1(1, beta; alpha + beta; 1 / (1 + d)), whose series needs 40 / d terms.
 * Here it is the trapezoidal rule on x = logit theta, above and below the fraction
 * alike, so that no beta function is needed.  The density exp(alpha x) /
 * (1 + exp(x))^(alpha + beta) and the payments are analytic for |Im x| < pi, so the
 * error falls as exp(-2 pi pi / step), and steps of 0.2, or of 0.4 of the density's
 * width at its peak where this is less, leave nothing that a double could show.
 * Far out on both sides what is left is a geometric series.
 */
static double
mean_perpetuity(double alpha, double beta, double d)
{
	double		s = alpha + beta;
	double		peak = log(alpha) - log(beta);
	double		step = Min(0.2, 0.4 / sqrt(alpha * (beta / s)));
	double		scale = -expm1(-Min(alpha, beta) * step);	/* so that no sum of weights is large */
	double		above = 0;
	double		below = 0;
	int			side;

	for (side = -1; side <= 1; side += 2)
	{
		double		far = side < 0 ? peak - (log(Min(d, 1)) - 40) : 40 - peak;
		double		most = side < 0 ? (1 + d) / d : 1;	/* payments still ahead */
		int64		i;

		for (i = side > 0;; i++)
		{
			double		x = side * i * step;
			double		weight = scale * exp(alpha <= beta ? alpha * x - s * log1p(alpha / s * expm1(x)) :
											 -beta * x - s * log1p(beta / s * expm1(-x)));
			double		all = weight / -expm1(-(side < 0 ? alpha : beta) * step);	/* from here on */
			double		payments = (1 + d) / (d + logistic(peak + x));

			if (side * x > far)
			{
				above += all * payments;
				below += all;
				break;
			}
			above += weight * payments;
			below += weight;
			if (all < 1e-22 * below && all * most < 1e-22 * above)
				break;
		}
	}
	return above / below;
}

/* Raises 22003: the sum of all payments has no limit. */
pg_noreturn static void
infinite_lifetime(const Curve *curve)
{
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("the expected lifetime is infinite"),
			 curve->form == FORM_SBG ?
			 errdetail("At an alpha of %.6g, which is not more than 1, so many customers stay so long that the mean has no limit.",
					   curve->alpha) :
			 curve->form == FORM_SPLIT ?
			 errdetail("No customer was lost after the first renewal.") :
			 errdetail("No customer was lost."),
			 errhint("Give a discount above 0, or a horizon: the number of payments to count.")));
	pg_unreachable();
}

/*
 * What customers pay from now on, in payments of today: those who have made n
 * payments, the n-th renewal to come; for n = 0 those who are won, who pay at once.
 */
static double
present_payments(const Curve *curve, double discount, int64 n)
{
	double		first = n == 0 ? 1 : retention_at(curve, n);
	double		alpha = curve->alpha;
	double		beta = curve->beta + n;

	if (first == 0)
		return 0;
	if (curve->form == FORM_SBG)
	{
		if (discount == 0)
		{
			if (!(alpha > 1))
				infinite_lifetime(curve);
			return first * (beta + (alpha - 1)) / (alpha - 1);
		}
		return first * mean_perpetuity(alpha, beta, discount);
	}
	if (curve->form == FORM_SPLIT && n == 0)
	{
		if (curve->mean == 1)
			return 1;
		if (discount == 0)
			infinite_lifetime(curve);
		return 1 + (1 - curve->mean) / discount;
	}
	if (discount == 0 && (curve->form == FORM_SPLIT || curve->mean == 0))
		infinite_lifetime(curve);
	return first * (1 + discount) / (discount + (curve->form == FORM_SPLIT ? 0 : curve->mean));
}

/* The same, for so many payments at most. */
static double
present_payments_within(const Curve *curve, double discount, int64 n, int64 horizon)
{
	double		payment = n == 0 ? 1 : retention_at(curve, n);
	LongSum		sum = {0, 0};
	int64		i;

	for (i = 1; i <= horizon && payment > 0; i++)
	{
		if (i % BLOCK == 0)
			CHECK_FOR_INTERRUPTS();
		long_sum_add(&sum, payment);
		payment *= retention_at(curve, n + i) / (1 + discount);
	}
	return long_sum(&sum);
}

/* A result that must be finite. */
static Datum
finite_datum(double value)
{
	if (isinf(value) || isnan(value))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("value out of range: overflow")));
	return Float8GetDatum(value);
}

/*
 * The discount of a period; raises 22023.  More than 1 is a percentage or a
 * mistake: already 1 leaves half of the next payment.
 */
static double
discount_argument(FunctionCallInfo fcinfo, int argument)
{
	double		discount = float_at_least(fcinfo, argument, "discount_per_period", 0);

	if (discount > 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("discount_per_period must be 1 or less, not %s", number_shown(discount)),
				 errhint("Ten percent is given as 0.1; a yearly discount d is (1 + d) ^ (1.0 / 12) - 1 a month.")));
	return discount;
}

/* sbg_clv(model, margin, discount_per_period, payments_made, horizon) */
Datum
cm_sbg_clv(PG_FUNCTION_ARGS)
{
	Curve		curve;
	double		margin;
	double		discount;
	int64		made;
	double		payments;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2) || PG_ARGISNULL(3))
		PG_RETURN_NULL();
	margin = float_argument(fcinfo, 1, "margin");
	discount = discount_argument(fcinfo, 2);
	made = renewals_argument(PG_GETARG_INT64(3), "payments_made", 0);
	if (!PG_ARGISNULL(4))
		renewals_argument(PG_GETARG_INT64(4), "horizon", 1);
	if (!curve_argument(fcinfo, &curve))
		PG_RETURN_NULL();
	payments = PG_ARGISNULL(4) ? present_payments(&curve, discount, made) :
		present_payments_within(&curve, discount, made, PG_GETARG_INT64(4));
	return finite_datum(margin * payments);
}

/* sbg_lifetime(model, horizon) */
Datum
cm_sbg_lifetime(PG_FUNCTION_ARGS)
{
	Curve		curve;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	if (!PG_ARGISNULL(1))
		renewals_argument(PG_GETARG_INT64(1), "horizon", 1);
	if (!curve_argument(fcinfo, &curve))
		PG_RETURN_NULL();
	return finite_datum(PG_ARGISNULL(1) ? present_payments(&curve, 0, 0) :
						present_payments_within(&curve, 0, 0, PG_GETARG_INT64(1)));
}
