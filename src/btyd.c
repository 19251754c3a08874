/*
 * btyd.c
 *		Buy-till-you-die models of customers without a contract: who is still alive,
 *		what they will buy, what they are worth.  See docs/btyd.md.
 *
 * btyd_fit() fits a model to the summaries of all customers (rfm.c makes them); the
 * accessors apply it to one.  The unit of time goes with the summary and into the
 * model, so that nobody can feed weeks to a model of days.
 *
 * Four models share everything here but their likelihood (Fader, Hardie & Lee
 * 2005; Batislam, Denizel & Filiztekin 2007; Schmittlein, Morrison & Colombo
 * 1987; Fader, Hardie & Shang 2010).  Each has two pairs of parameters, one for
 * buying and one for dying.  A fit works on the logarithms of a pair's mean and
 * of its strength, so that what data do not determine lies at the end of an axis:
 * strength without end is "all customers alike", a mean of 0 is "nobody dies".
 *
 * Neither gamma functions nor hypergeometric functions of large arguments are
 * subtracted anywhere: x is a whole number, so their quotients are products; the
 * integral of the Pareto/NBD is done as an integral; expected purchases are sums
 * of positive terms, which has no singularity at a = 1.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
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

PG_FUNCTION_INFO_V1(cm_btyd_fit_trans);
PG_FUNCTION_INFO_V1(cm_btyd_fit_trans_summary);
PG_FUNCTION_INFO_V1(cm_btyd_fit_combine);
PG_FUNCTION_INFO_V1(cm_btyd_fit_serial);
PG_FUNCTION_INFO_V1(cm_btyd_fit_deserial);
PG_FUNCTION_INFO_V1(cm_btyd_fit_final);
PG_FUNCTION_INFO_V1(cm_btyd_summary);
PG_FUNCTION_INFO_V1(cm_btyd_p_alive);
PG_FUNCTION_INFO_V1(cm_btyd_p_alive_summary);
PG_FUNCTION_INFO_V1(cm_btyd_expected);
PG_FUNCTION_INFO_V1(cm_btyd_expected_summary);
PG_FUNCTION_INFO_V1(cm_btyd_expected_new);
PG_FUNCTION_INFO_V1(cm_btyd_expected_new_interval);
PG_FUNCTION_INFO_V1(cm_btyd_residual);
PG_FUNCTION_INFO_V1(cm_btyd_clv);
PG_FUNCTION_INFO_V1(cm_btyd_clv_summary);

/* The models, in the order of model_names. */
enum
{
	MBGNBD,
	BGNBD,
	PNBD,
	BGBB,
	NMODELS
};

static const char *const model_names[NMODELS] = {"mbgnbd", "bgnbd", "pnbd", "bgbb"};

static const char *const parameter_names[NMODELS][4] = {
	{"r", "alpha", "a", "b"},
	{"r", "alpha", "a", "b"},
	{"r", "alpha", "s", "beta"},
	{"alpha", "beta", "gamma", "delta"}
};

/* The BG/BB counts opportunities one by one. */
#define MOST_OPPORTUNITIES	10000
#define MOST_AHEAD			1000000

/* The longest horizon of a value, in months. */
#define MOST_MONTHS			1200

/* A summary of a customer, or what its arguments say of it. */
typedef struct Customer
{
	double		x;				/* purchases after the first */
	double		t_x;			/* from the first to the last */
	double		t;				/* from the first to today */
} Customer;

/* A model as its accessors use it. */
typedef struct Btyd
{
	int			kind;
	Interval	unit;
	double		p[4];
} Btyd;

/* ------------------------------------------------------------------
 * Checks
 * ------------------------------------------------------------------
 */

#define CUSTOMER_HINT \
	"x counts the purchases after the first, t_x is the time from the first to the last, t from the first to today; without a purchase after the first both x and t_x are 0."

/* Raises 22023 unless the numbers are those of a customer. */
static void
check_customer(int kind, int64 x, double t_x, double t)
{
	const char *wrong = NULL;

	if (x < 0)
		wrong = "x must be 0 or more";
	else if (isnan(t) || isinf(t) || t < 0)
		wrong = "t must be a finite number, 0 or more";
	else if (isnan(t_x) || t_x < 0 || t_x > t)
		wrong = "t_x must be between 0 and t";
	else if (x == 0 && t_x != 0)
		wrong = "t_x must be 0 where x is 0";
	else if (x > 0 && t_x == 0)
		wrong = "t_x must be more than 0 where x is";
	if (wrong)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s, not x = %lld, t_x = %s, t = %s", wrong, (long long) x, number_shown(t_x), number_shown(t)),
				 errhint("%s", CUSTOMER_HINT)));
	if (kind == BGBB && (t != floor(t) || t_x != floor(t_x) || x > t_x || t > MOST_OPPORTUNITIES))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("bgbb needs whole numbers, x <= t_x <= t <= %d, not x = %lld, t_x = %s, t = %s",
						MOST_OPPORTUNITIES, (long long) x, number_shown(t_x), number_shown(t)),
				 errhint("In this model t counts the opportunities to buy, t_x is the last one that was taken, and x counts those that were.")));
}

/* A horizon in units of the model; raises 22023 if it is negative or endless. */
static double
horizon_in_units(const Interval *horizon, const Interval *unit)
{
	if (interval_endless(horizon) || interval_span(horizon) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("horizon must be 0 or more, not %s", interval_shown(horizon))));
	return (double) interval_span(horizon) / (double) interval_span(unit);
}

/* ------------------------------------------------------------------
 * Functions of whole numbers of steps
 * ------------------------------------------------------------------
 */

/* So many factors are multiplied one by one before Stirling's series takes over. */
#define FACTORS_ONE_BY_ONE	64

/* The sum of ln(z + i) for from <= i < to, whole numbers; adds that of 1 / (z + i) to slope unless NULL. */
static double
rise(double z, double from, double to, double *slope)
{
	double		sum = 0;
	double		product = 1;
	double		i = from;
	int			steps;

	for (steps = 0; steps < FACTORS_ONE_BY_ONE && i < to; steps++, i++)
	{
		product *= z + i;
		if (slope)
			*slope += 1 / (z + i);
		if (steps % 8 == 7)
		{
			sum += log(product);
			product = 1;
		}
	}
	sum += log(product);
	if (i < to)
	{
		sum += stirling_rise(z + i, to - i);
		if (slope)
			*slope += digamma_rise(z + i, to - i);
	}
	return sum;
}

/* The sum of ln((b + i) / (a + b + i)) for from <= i < to; adds its derivatives to by_a and by_b unless NULL. */
static double
share_rise(double a, double b, double from, double to, double *by_a, double *by_b)
{
	double		sum = 0;
	double		i = from;
	int			steps;

	for (steps = 0; steps < FACTORS_ONE_BY_ONE && i < to; steps++, i++)
	{
		sum -= log1p(a / (b + i));
		if (by_a)
		{
			*by_a -= 1 / (a + b + i);
			*by_b += a / ((b + i) * (a + b + i));
		}
	}
	if (i < to)
	{
		/* ln gamma(w) - ln gamma(w + a) at both ends, so that nothing of the size of to is subtracted */
		sum += stirling_rise(b + i, a) - stirling_rise(b + to, a);
		if (by_a)
		{
			double		fall = digamma_rise(a + b + i, to - i);

			*by_a -= fall;
			*by_b += digamma_rise(b + i, to - i) - fall;
		}
	}
	return sum;
}

/* ------------------------------------------------------------------
 * The tail of the Pareto/NBD: customers who died between t_x and t
 * ------------------------------------------------------------------
 */

/* Beyond so many e-foldings nothing is left. */
#define FOLDS				45.0

/* The longest piece of the integral that one rule of 32 points covers. */
#define LONGEST_PIECE		4.0
#define MOST_FOLDS			80.0

typedef struct Tail
{
	double		log;			/* logarithm of the integral */
	double		la;				/* means under it: of ln(1 + y/A), */
	double		lb;				/* of ln(1 + y/B), */
	double		ia;				/* of 1 / (A + y), */
	double		ib;				/* of 1 / (B + y) */
} Tail;

/*
 * How far to integrate, in v = ln(1 + y/A) or ln(1 + y/B): up to the gap, or to
 * where nothing is left of the integrand exp(-rate v) (1 + ratio (e^v - 1))^-power.
 */
static double
tail_reach(double reach, double rate, double power, double ratio)
{
	double		cut = FOLDS / (power + Min(rate, 0));	/* where the other factor is gone */

	if (power >= 1)				/* both factors together */
		reach = Min(reach, (FOLDS - log(ratio)) / (rate + 1));
	if (rate > 0)
		reach = Min(reach, FOLDS / rate);
	if (cut < 700)
		reach = Min(reach, log1p(expm1(cut) / ratio));
	return reach;
}

/*
 * s/B times the integral of (1 + y/A)^-k (1 + y/B)^-(s + 1) for y from 0 to gap
 * > 0, with means where they are wanted.  The variable is the logarithm of the
 * factor that moves first, that with the lesser of A and B: in it the integrand is
 * smooth on the scale of 1 everywhere.
 */
static Tail
pnbd_tail(double k, double a, double s, double b, double gap, bool means)
{
	bool		by_a = a <= b;
	double		ratio = by_a ? a / b : b / a;	/* 1 at the most */
	double		rate = by_a ? k - 1 : s;	/* how fast the variable's own factor falls */
	double		power = by_a ? s + 1 : k;	/* of the other factor */
	double		reach = tail_reach(log1p(gap / (by_a ? a : b)), rate, power, ratio);
	double		shift = Max(-rate * reach, 0);
	double		own = 0;		/* sums of the means: of v, */
	double		other = 0;		/* of the other factor's logarithm, */
	double		own_inverse = 0;
	double		other_inverse = 0;
	double		sum = 0;
	int			pieces;
	int			i;
	Tail		tail = {NAN, 0, 0, 0, 0};

	if (!(reach >= 0 && reach < 4000))
		return tail;
	pieces = 1 + (int) Max(reach / LONGEST_PIECE, (fabs(rate) * reach + power * log1p(ratio * expm1(reach))) / MOST_FOLDS);
	for (i = 0; i < pieces * GAUSS_POINTS; i++)
	{
		double		v = (i / GAUSS_POINTS + gauss_nodes[i % GAUSS_POINTS]) * (reach / pieces);
		double		grown = expm1(v);
		double		spread = log1p(ratio * grown);
		double		weight = gauss_weights[i % GAUSS_POINTS] * exp(-rate * v - power * spread - shift);

		sum += weight;
		if (means)
		{
			own += weight * v;
			other += weight * spread;
			own_inverse += weight / (1 + grown);
			other_inverse += weight / (1 + ratio * grown);
		}
	}
	tail.log = shift + log(sum * reach / pieces * s * (by_a ? ratio : 1));
	tail.la = (by_a ? own : other) / sum;
	tail.lb = (by_a ? other : own) / sum;
	tail.ia = (by_a ? own_inverse : other_inverse) / sum / a;
	tail.ib = (by_a ? other_inverse : own_inverse) / sum / b;
	return tail;
}

/* ------------------------------------------------------------------
 * Log-likelihoods
 * ------------------------------------------------------------------
 */

/* The distinct rows of a fit, in order of x, and what depends on x alone, worked out anew for each point. */
typedef struct Rows
{
	int			kind;
	Size		n;
	double	   *x;
	double	   *t_x;			/* in units of "scale" */
	double	   *t;
	double	   *count;
	int		   *group;			/* of the row's x among the distinct ones */
	int			ngroups;
	double	   *group_x;
	double	   *rise;			/* ln of r (r + 1) ... (r + x - 1), and its derivative */
	double	   *rise_r;
	double	   *share;			/* ln of the part that survives x purchases, and its derivatives */
	double	   *share_a;
	double	   *share_b;
	double		scale;			/* mean t */
} Rows;

/* Parameters from the axes: of a gamma pair the logarithms of mean and shape, of a beta pair those of the odds and of the sum. */
static void
parameters_of(int kind, const double *at, double *p)
{
	if (kind == BGBB)
	{
		p[0] = exp(at[1]) * logistic(at[0]);
		p[1] = exp(at[1]) * logistic(-at[0]);
	}
	else
	{
		p[0] = exp(at[1]);
		p[1] = exp(at[1] - at[0]);
	}
	if (kind == PNBD)
	{
		p[2] = exp(at[3]);
		p[3] = exp(at[3] - at[2]);
	}
	else
	{
		p[2] = exp(at[3]) * logistic(at[2]);
		p[3] = exp(at[3]) * logistic(-at[2]);
	}
}

/* The derivatives of the parameters by the axes; by[i][j] is that of p[i] by at[j]. */
static void
parameter_slopes(int kind, const double *p, double by[4][4])
{
	int			pair;

	memset(by, 0, 16 * sizeof(double));
	for (pair = 0; pair < 4; pair += 2)
	{
		double		first = p[pair];
		double		second = p[pair + 1];

		if (kind == PNBD || (kind != BGBB && pair == 0))
			by[pair + 1][pair] = -second;
		else
		{
			by[pair][pair] = first * (second / (first + second));
			by[pair + 1][pair] = -by[pair][pair];
		}
		by[pair][pair + 1] = first;
		by[pair + 1][pair + 1] = second;
	}
}

/* Turn a gradient by the parameters into one by the axes. */
static void
gradient_by_axes(int kind, const double *p, const double *by_p, double *gradient)
{
	double		by[4][4];
	int			i;
	int			j;

	parameter_slopes(kind, p, by);
	for (j = 0; j < 4; j++)
	{
		gradient[j] = 0;
		for (i = 0; i < 4; i++)
			gradient[j] += by_p[i] * by[i][j];
	}
}

/* What depends on x alone: the products over r, and, for the models with one toss per purchase, those over a and b. */
static void
work_out_groups(Rows *rows, const double *p)
{
	int			more = rows->kind == MBGNBD ? 1 : 0;	/* MBG: a toss after the first purchase, too */
	bool		tosses = rows->kind != PNBD;
	double		from = 0;
	double		tossed = 0;
	double		sums[5] = {0};
	int			i;

	for (i = 0; i < rows->ngroups; i++)
	{
		double		x = rows->group_x[i];

		if (i % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
		sums[0] += rise(p[0], from, x, &sums[1]);
		if (tosses)
			sums[2] += share_rise(p[2], p[3], tossed, x + more, &sums[3], &sums[4]);
		from = x;
		tossed = x + more;
		rows->rise[i] = sums[0];
		rows->rise_r[i] = sums[1];
		rows->share[i] = sums[2];
		rows->share_a[i] = sums[3];
		rows->share_b[i] = sums[4];
	}
}

/* One row of a BG/NBD or MBG/NBD: its log-likelihood; adds the derivatives by the parameters to by_p. */
static double
bg_row(const Rows *rows, Size i, const double *p, double log_a, double *by_p)
{
	bool		modified = rows->kind == MBGNBD;
	double		x = rows->x[i];
	double		n = rows->count[i];
	int			group = rows->group[i];
	double		k = p[0] + x;
	double		since = log1p((rows->t[i] - rows->t_x[i]) / (p[1] + rows->t_x[i]));
	double		before = rows->t_x[i] > 0 ? log1p(rows->t_x[i] / p[1]) : 0;
	double		level = rows->rise[group] + rows->share[group] - p[0] * before - k * since;
	double		alive = 1;

	if (x > 0)
		level -= x * log(p[1] + rows->t_x[i]);
	if (x > 0 || modified)
	{
		double		tosses = p[3] + (modified ? x : x - 1);
		double		odds = log_a - log(tosses) + k * since; /* of dead to alive */
		double		e = exp(-fabs(odds));
		double		lesser = e / (1 + e);
		double		dead = odds > 0 ? 1 / (1 + e) : lesser;

		alive = odds > 0 ? lesser : 1 / (1 + e);
		level += Max(odds, 0) + log1p(e);
		by_p[2] += n * dead / p[2];
		by_p[3] -= n * dead / tosses;
	}
	by_p[0] += n * (rows->rise_r[group] - before - alive * since);
	by_p[1] += n * (p[0] / p[1] - k * (alive / (p[1] + rows->t[i]) + (1 - alive) / (p[1] + rows->t_x[i])));
	by_p[2] += n * rows->share_a[group];
	by_p[3] += n * rows->share_b[group];
	return level;
}

/* BG/NBD and MBG/NBD. */
static double
bg_likelihood(const double *at, double *gradient, void *data)
{
	Rows	   *rows = data;
	double		p[4];
	double		by_p[4] = {0};
	double		log_a;
	LongSum		sum = {0};
	Size		i;

	parameters_of(rows->kind, at, p);
	work_out_groups(rows, p);
	log_a = log(p[2]);
	for (i = 0; i < rows->n; i++)
	{
		if (i % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
		long_sum_add(&sum, rows->count[i] * bg_row(rows, i, p, log_a, by_p));
	}
	if (gradient)
		gradient_by_axes(rows->kind, p, by_p, gradient);
	return long_sum(&sum);
}

/* One row of a Pareto/NBD: its log-likelihood; adds the derivatives by the parameters to by_p unless NULL. */
static double
pnbd_row(const Rows *rows, Size i, const double *p, double *by_p)
{
	double		x = rows->x[i];
	double		n = rows->count[i];
	double		k = p[0] + x;
	double		s = p[2];
	double		a = p[1] + rows->t_x[i];
	double		b = p[3] + rows->t_x[i];
	double		gap = rows->t[i] - rows->t_x[i];
	double		log_a = log1p(rows->t_x[i] / p[1]);
	double		log_b = log1p(rows->t_x[i] / p[3]);
	double		since_a = log1p(gap / a);
	double		since_b = log1p(gap / b);
	double		level = rows->rise[rows->group[i]] - p[0] * log_a - s * log_b;
	double		first = -k * since_a - s * since_b;
	double		dead = 0;
	Tail		tail = {0};

	if (x > 0)
		level -= x * log(a);
	if (gap > 0)
	{
		tail = pnbd_tail(k, a, s, b, gap, by_p != NULL);
		dead = logistic(tail.log - first);
		level += Max(first, tail.log) + log1p(exp(-fabs(first - tail.log)));
	}
	if (by_p)
	{
		double		alive = 1 - dead;

		by_p[0] += n * (rows->rise_r[rows->group[i]] - log_a - alive * since_a - dead * tail.la);
		by_p[1] += n * (p[0] / p[1] - k * (alive / (a + gap) + dead * tail.ia));
		by_p[2] += n * (dead / s - log_b - alive * since_b - dead * tail.lb);
		by_p[3] += n * (s / p[3] - alive * s / (b + gap) - dead * (s + 1) * tail.ib);
	}
	return level;
}

/* Pareto/NBD. */
static double
pnbd_likelihood(const double *at, double *gradient, void *data)
{
	Rows	   *rows = data;
	double		p[4];
	double		by_p[4] = {0};
	LongSum		sum = {0};
	Size		i;

	parameters_of(rows->kind, at, p);
	work_out_groups(rows, p);
	for (i = 0; i < rows->n; i++)
	{
		if (i % 256 == 0)
			CHECK_FOR_INTERRUPTS();
		long_sum_add(&sum, rows->count[i] * pnbd_row(rows, i, p, gradient ? by_p : NULL));
	}
	if (gradient)
		gradient_by_axes(rows->kind, p, by_p, gradient);
	return long_sum(&sum);
}

/*
 * BG/BB: what the opportunities after the last purchase say, relative to that
 * purchase: the part still alive at the last opportunity, and, in *dead, the part
 * that died before it.
 */
static double
bgbb_since(const double *p, const Customer *customer, double *dead)
{
	double		silent = p[1] + customer->t_x - customer->x;
	double		all = p[0] + p[1] + customer->t_x;
	double		lasting = p[3] + customer->t_x;
	double		tosses = p[2] + p[3] + customer->t_x;
	double		alive = 1;
	double		i;

	*dead = 0;
	for (i = 0; i < customer->t - customer->t_x; i++)
	{
		*dead += alive * p[2] / (tosses + i);
		alive *= (silent + i) / (all + i) * ((lasting + i) / (tosses + i));
	}
	return alive;
}

/* BG/BB, whose gradient is taken by differences: it has few distinct rows. */
static double
bgbb_likelihood(const double *at, double *gradient, void *data)
{
	Rows	   *rows = data;
	double		p[4];
	LongSum		sum = {0};
	Size		i;

	parameters_of(rows->kind, at, p);
	for (i = 0; i < rows->n; i++)
	{
		Customer	customer = {rows->x[i], rows->t_x[i], rows->t[i]};
		double		dead;
		double		alive;

		if (i % 64 == 0)
			CHECK_FOR_INTERRUPTS();
		alive = bgbb_since(p, &customer, &dead);
		long_sum_add(&sum, rows->count[i] *
					 (log(alive + dead) + rise(p[0], 0, customer.x, NULL) +
					  rise(p[1], 0, customer.t_x - customer.x, NULL) - rise(p[0] + p[1], 0, customer.t_x, NULL) +
					  share_rise(p[2], p[3], 0, customer.t_x, NULL, NULL)));
	}
	if (gradient)
	{
		Problem		problem = {bgbb_likelihood, data, 4, NULL, NULL};

		central_gradient(&problem, at, gradient);
	}
	return long_sum(&sum);
}

/* ------------------------------------------------------------------
 * Fitting
 * ------------------------------------------------------------------
 */

/* The ends of the axes: beyond them a model is not told from its limit. */
static const double axes_lower[4] = {-50, -12, -15, -12};
static const double axes_upper[4] = {50, 12, 15, 12};
static const double odds_lower[4] = {-15, -12, -15, -12};
static const double odds_upper[4] = {15, 12, 15, 12};

/* What it means when the best model lies at an end, the lower and the upper: as "boundary" says it, */
static const char *const end_meanings[4][2] = {
	{"rate at its lower limit", "rate at its upper limit"},
	{"rates all or none", "equal rates"},
	{"no dropout", "dropout at once"},
	{"dropout all or none", "equal dropout"}
};

/* and as the NOTICE does. */
static const char *const end_sentences[4][2] = {
	{"the rate of buying is less than any that is looked for", "the rate of buying is more than any that is looked for"},
	{"some customers buy all the time, the others next to never", "no sign is seen that customers differ in how often they buy"},
	{"no sign is seen that anybody stops buying", "everybody stops buying at the first chance to"},
	{"some customers stop buying at the first chance to, the others never", "no sign is seen that customers differ in their chance to stop buying"}
};

/* Distinct rows up to which all of them are searched; above, the search looks at every so-manieth. */
#define SEARCHED_ROWS		2048
#define SEARCHED_ROWS_PNBD	256

/* Room for so many rows. */
static Rows *
rows_create(int kind, Size n)
{
	Rows	   *rows = palloc0(sizeof(Rows));
	Size		bytes = n * sizeof(double);

	check_fit_memory(5 * bytes);
	rows->kind = kind;
	rows->x = MemoryContextAllocHuge(CurrentMemoryContext, bytes);
	rows->t_x = MemoryContextAllocHuge(CurrentMemoryContext, bytes);
	rows->t = MemoryContextAllocHuge(CurrentMemoryContext, bytes);
	rows->count = MemoryContextAllocHuge(CurrentMemoryContext, bytes);
	rows->group = MemoryContextAllocHuge(CurrentMemoryContext, n * sizeof(int));
	rows->scale = 1;
	return rows;
}

/* Number the distinct x of rows that are in order. */
static void
number_groups(Rows *rows)
{
	Size		i;
	double	   *room;

	rows->ngroups = 0;
	for (i = 0; i < rows->n; i++)
	{
		if (i > 0 && rows->x[i] != rows->x[i - 1])
			rows->ngroups++;
		rows->group[i] = rows->ngroups;
	}
	rows->ngroups++;
	room = MemoryContextAllocHuge(CurrentMemoryContext, 6 * rows->ngroups * sizeof(double));
	rows->group_x = room;
	rows->rise = room + rows->ngroups;
	rows->rise_r = room + 2 * rows->ngroups;
	rows->share = room + 3 * rows->ngroups;
	rows->share_a = room + 4 * rows->ngroups;
	rows->share_b = room + 5 * rows->ngroups;
	for (i = 0; i < rows->n; i++)
		rows->group_x[rows->group[i]] = rows->x[i];
}

/* Every so-manieth row. */
static Rows *
rows_sample(const Rows *all, Size most)
{
	Rows	   *rows = rows_create(all->kind, most + 1);
	Size		step = (all->n + most - 1) / most;
	Size		i;

	for (i = step / 2; i < all->n; i += step)
	{
		rows->x[rows->n] = all->x[i];
		rows->t_x[rows->n] = all->t_x[i];
		rows->t[rows->n] = all->t[i];
		rows->count[rows->n++] = all->count[i];
	}
	number_groups(rows);
	return rows;
}

static const Objective likelihoods[NMODELS] = {bg_likelihood, bg_likelihood, pnbd_likelihood, bgbb_likelihood};

/* Points to begin with: the rate is the data's, its spread and dying are tried out. */
#define STARTS				12

static void
starting_points(double mean, double *starts)
{
	static const double strengths[] = {-1.4, 0, 1.4};
	static const double deaths[] = {-2.5, -0.7};
	static const double spreads[] = {-0.5, 1.2};
	int			i;

	for (i = 0; i < STARTS; i++)
	{
		starts[4 * i] = mean + 0.5;
		starts[4 * i + 1] = strengths[i % 3];
		starts[4 * i + 2] = deaths[i / 3 % 2];
		starts[4 * i + 3] = spreads[i / 6];
	}
}

/* Find the maximum: on a sample first where there are many rows. */
static void
fit_rows(Rows *rows, double mean, Maximum *maximum)
{
	Problem		problem = {likelihoods[rows->kind], rows, 4, axes_lower, axes_upper};
	Size		most = rows->kind == PNBD ? SEARCHED_ROWS_PNBD : SEARCHED_ROWS;
	double		starts[STARTS * 4];
	int			i;

	starting_points(mean, starts);
	if (rows->kind == BGBB)
	{
		problem.lower = odds_lower;
		problem.upper = odds_upper;
	}
	if (rows->n > most)
	{
		Problem		sampled = problem;

		sampled.data = rows_sample(rows, most);
		maximise(&sampled, starts, STARTS, 2, maximum);
		/* from where a sample ran away to an end, there may be no way back */
		maximum->at[0] = Min(Max(maximum->at[0], mean - 4), mean + 4);
		for (i = 1; i < 4; i++)
			maximum->at[i] = Min(Max(maximum->at[i], -4), 4);
		maximise(&problem, maximum->at, 1, 0, maximum);
	}
	else
		maximise(&problem, starts, STARTS, 2, maximum);
}

/* Standard errors of the parameters, in the rows' units; false where the data do not determine them. */
static bool
standard_errors(const Rows *rows, const Maximum *maximum, const double *p, double *se)
{
	Problem		problem = {likelihoods[rows->kind], NULL, 4, axes_lower, axes_upper};
	double		covariance[MAXIMUM_PARAMETERS * MAXIMUM_PARAMETERS];
	double		by[4][4];
	int			i;
	int			j;
	int			k;

	if (!maximum_covariance(&problem, maximum, covariance))
		return false;
	parameter_slopes(rows->kind, p, by);
	for (i = 0; i < 4; i++)
	{
		double		variance = 0;

		for (j = 0; j < 4; j++)
			for (k = 0; k < 4; k++)
				variance += by[i][j] * covariance[j * 4 + k] * by[i][k];
		se[i] = sqrt(variance);
		if (isnan(se[i]) || isinf(se[i]))
			return false;
	}
	return true;
}

/* By the table's words, at which ends of which axes a maximum without standard errors lies; "flat" if at none. */
static char *
ends_in_words(const Maximum *maximum, const char *const meanings[4][2], const char *separator, const char *flat)
{
	StringInfoData words;
	int			i;

	initStringInfo(&words);
	for (i = 0; i < 4; i++)
	{
		/* how dying differs means nothing where nobody dies */
		if (!maximum->bound[i] || (i == 3 && maximum->bound[2]))
			continue;
		appendStringInfo(&words, "%s%s", words.len ? separator : "", meanings[i][maximum->at[i] > 0]);
	}
	return words.len ? words.data : pstrdup(flat);
}

/* The state of btyd_fit. */
typedef struct FitState
{
	Tally	   *tally;			/* x, t_x, t */
	bool		known;			/* whether unit and model are */
	Interval	unit;
	int			kind;
} FitState;

/* Rows between two looks for a cancel request, where little is done with each. */
#define BLOCK				65536

/* The rows of a state in units of their mean t; raises 22000 where they cannot make a model. */
static Rows *
rows_of_state(FitState *state, double *mean, double *jacobian)
{
	Tally	   *tally = state->tally;
	Rows	   *rows;
	LongSum		sum_x = {0};
	LongSum		sum_t = {0};
	double		longest = 0;
	double		total_x;
	Size		i;

	tally_sort(tally);
	rows = rows_create(state->kind, tally->n);
	rows->n = tally->n;
	for (i = 0; i < tally->n; i++)
	{
		const uint64 *words = tally_words(tally, i);

		if (i % BLOCK == 0)
			CHECK_FOR_INTERRUPTS();
		rows->x[i] = (double) words[0];
		rows->t_x[i] = double_of_word(words[1]);
		rows->t[i] = double_of_word(words[2]);
		rows->count[i] = (double) tally_count(tally, i);
		longest = Max(longest, rows->t[i]);
		long_sum_add(&sum_x, rows->x[i] * rows->count[i]);
	}
	total_x = long_sum(&sum_x);
	if (total_x == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("btyd_fit needs customers who came back: x is 0 in all %llu rows", (unsigned long long) tally->total),
				 errhint("Without a repeat purchase nothing tells how often customers buy or when they stop. Take a longer time, or fit these customers together with others.")));
	for (i = 0; i < rows->n; i++)
		long_sum_add(&sum_t, rows->t[i] / longest * rows->count[i]);
	if (state->kind != BGBB)
		rows->scale = longest * (long_sum(&sum_t) / (double) tally->total);
	for (i = 0; i < rows->n; i++)
	{
		rows->t_x[i] /= rows->scale;
		rows->t[i] /= rows->scale;
	}
	*mean = log(total_x) - log(long_sum(&sum_t)) - log(longest) + log(rows->scale);
	if (state->kind == BGBB)
		*mean = 0;
	*jacobian = total_x * log(rows->scale);
	number_groups(rows);
	return rows;
}

/* x, t_x and t of a customer as words of a tally. */
static void
add_customer(FitState *state, int64 x, double t_x, double t)
{
	uint64		words[3];

	check_customer(state->kind, x, t_x, t);
	words[0] = (uint64) x;
	words[1] = word_of_double(t_x);
	words[2] = word_of_double(t);
	tally_add(state->tally, words, 1);
}

/* Raises 22023 unless a row, or another state, has the state's model and unit; unit is NULL where it does not tell. */
static void
check_same(FitState *state, int kind, const Interval *unit)
{
	if (state->kind != kind)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("model must be the same in every row, not \"%s\" and \"%s\"", model_names[state->kind], model_names[kind])));
	if (unit == NULL)
		return;
	if (state->known)
		unite_units(&state->unit, unit);
	else
		state->unit = *unit;
	state->known = true;
}

/* The number of the model that a text argument names, in small or capital letters, with or without / _ - and spaces. */
static int
kind_argument(FunctionCallInfo fcinfo, int argument)
{
	text	   *word;
	char		folded[16];
	int			length = 0;
	int			i;

	check_not_null("model", PG_ARGISNULL(argument));
	word = PG_GETARG_TEXT_PP(argument);
	for (i = 0; i < (int) VARSIZE_ANY_EXHDR(word) && length < (int) sizeof(folded) - 1; i++)
	{
		char		c = VARDATA_ANY(word)[i];

		if (strchr("/_- ", c) == NULL)
			folded[length++] = pg_ascii_tolower((unsigned char) c);
	}
	folded[length] = '\0';
	if (i == (int) VARSIZE_ANY_EXHDR(word))
	{
		for (i = 0; i < NMODELS; i++)
			if (strcmp(folded, model_names[i]) == 0)
				return i;
		if (strcmp(folded, "paretonbd") == 0)
			return PNBD;
	}
	/* none of them: the error with all words */
	return choice_argument(fcinfo, argument, "model", model_names, NMODELS);
}

/* The state of the aggregate, made by the first row; unit is NULL where that row does not tell. */
static FitState *
fit_state(FunctionCallInfo fcinfo, const Interval *unit, int model_argument_number)
{
	FitState   *state;
	int			kind = MBGNBD;

	if (PG_NARGS() > model_argument_number)
		kind = kind_argument(fcinfo, model_argument_number);
	if (PG_ARGISNULL(0))
	{
		MemoryContext context = fit_context(fcinfo);

		state = MemoryContextAllocZero(context, sizeof(FitState));
		state->tally = tally_create(context, 3);
		state->kind = kind;
	}
	else
	{
		fit_context(fcinfo);
		state = (FitState *) PG_GETARG_POINTER(0);
	}
	check_same(state, kind, unit);
	return state;
}

/* btyd_fit(x, t_x, t, unit [, model]): one row. */
Datum
cm_btyd_fit_trans(PG_FUNCTION_ARGS)
{
	FitState   *state;

	check_not_null("unit", PG_ARGISNULL(4));
	check_unit(PG_GETARG_INTERVAL_P(4));
	state = fit_state(fcinfo, PG_GETARG_INTERVAL_P(4), 5);
	if (PG_ARGISNULL(1) || PG_ARGISNULL(2) || PG_ARGISNULL(3))
		state->tally->skipped++;
	else
		add_customer(state, PG_GETARG_INT64(1), PG_GETARG_FLOAT8(2), PG_GETARG_FLOAT8(3));
	PG_RETURN_POINTER(state);
}

/* btyd_fit(summary [, model]): one row. */
Datum
cm_btyd_fit_trans_summary(PG_FUNCTION_ARGS)
{
	FitState   *state;
	Summary		summary = {0};

	if (!PG_ARGISNULL(1))
		summary = summary_argument(fcinfo, 1);
	state = fit_state(fcinfo, PG_ARGISNULL(1) ? NULL : &summary.unit, 2);
	if (summary.known)
		add_customer(state, summary.x, summary.t_x, summary.t);
	else
		state->tally->skipped++;
	PG_RETURN_POINTER(state);
}

/* Unite two states, of which either may be NULL. */
Datum
cm_btyd_fit_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = fit_context(fcinfo);
	FitState   *state = PG_ARGISNULL(0) ? NULL : (FitState *) PG_GETARG_POINTER(0);
	FitState   *other = PG_ARGISNULL(1) ? NULL : (FitState *) PG_GETARG_POINTER(1);

	if (other == NULL)
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}
	if (state == NULL)
	{
		state = MemoryContextAllocZero(context, sizeof(FitState));
		*state = *other;
		state->tally = tally_create(context, 3);
	}
	check_same(state, other->kind, other->known ? &other->unit : NULL);
	tally_combine(state->tally, other->tally);
	PG_RETURN_POINTER(state);
}

/* Write a state for another process. */
Datum
cm_btyd_fit_serial(PG_FUNCTION_ARGS)
{
	FitState   *state = (FitState *) PG_GETARG_POINTER(0);
	StringInfoData buffer;

	fit_context(fcinfo);
	pq_begintypsend(&buffer);
	pq_sendint32(&buffer, state->kind);
	pq_sendbyte(&buffer, state->known);
	pq_sendint32(&buffer, state->unit.month);
	pq_sendint32(&buffer, state->unit.day);
	pq_sendint64(&buffer, state->unit.time);
	tally_write(&buffer, state->tally);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

/* Read what cm_btyd_fit_serial wrote. */
Datum
cm_btyd_fit_deserial(PG_FUNCTION_ARGS)
{
	StringInfoData buffer = message_of(PG_GETARG_BYTEA_PP(0));
	FitState   *state = palloc0(sizeof(FitState));

	fit_context(fcinfo);
	state->kind = pq_getmsgint(&buffer, 4);
	state->known = pq_getmsgbyte(&buffer) != 0;
	state->unit.month = (int32) pq_getmsgint(&buffer, 4);
	state->unit.day = (int32) pq_getmsgint(&buffer, 4);
	state->unit.time = pq_getmsgint64(&buffer);
	state->tally = tally_read(&buffer, 3);
	pq_getmsgend(&buffer);
	if (state->kind < 0 || state->kind >= NMODELS)
		elog(ERROR, "unexpected state of an aggregate");
	PG_RETURN_POINTER(state);
}

/* The fields of a btyd_model. */
enum
{
	BTYD_MODEL,
	BTYD_UNIT,
	BTYD_PARAMS,
	BTYD_SE,
	BTYD_BOUNDARY,
	BTYD_LOGLIK,
	BTYD_N,
	BTYD_N_REPEATERS,
	BTYD_N_SKIPPED,
	BTYD_N_ITER,
	BTYD_FIELDS
};

static const char *const btyd_fields[BTYD_FIELDS] = {
	"model", "unit", "params", "se", "boundary", "loglik", "n", "n_repeaters", "n_skipped", "n_iter"
};

/* How many customers came back. */
static int64
repeaters(const Rows *rows, const Tally *tally)
{
	int64		n = 0;
	Size		i;

	for (i = 0; i < rows->n; i++)
		if (rows->x[i] > 0)
			n += tally_count(tally, i);
	return n;
}

/* Parameters, or their standard errors, from the rows' unit of time to that of the customers. */
static Datum
rescaled(const Rows *rows, double *p)
{
	int			i;

	p[1] *= rows->scale;
	if (rows->kind == PNBD)
		p[3] *= rows->scale;
	for (i = 0; i < 4; i++)
		finite_result(p[i], "a parameter");
	return float_array(p, 4);
}

/* What the final function keeps from group to group. */
typedef struct FinalExtra
{
	TupleDesc	tupdesc;
	bool		told;			/* about a boundary */
} FinalExtra;

static FinalExtra *
final_extra(FunctionCallInfo fcinfo)
{
	FinalExtra *extra = fcinfo->flinfo->fn_extra;

	if (extra == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
		TupleDesc	tupdesc;

		if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE || tupdesc->natts != BTYD_FIELDS)
			elog(ERROR, "btyd_fit must return btyd_model");
		extra = palloc0(sizeof(FinalExtra));
		extra->tupdesc = BlessTupleDesc(tupdesc);
		fcinfo->flinfo->fn_extra = extra;
		MemoryContextSwitchTo(old);
	}
	return extra;
}

/* Tell, once a query, that a fit is at a limit. */
static void
tell_boundary(FinalExtra *extra, int kind, const Maximum *maximum, const char *boundary, int64 n)
{
	if (extra->told)
		return;
	extra->told = true;
	ereport(NOTICE,
			(errmsg("btyd_fit: %s", ends_in_words(maximum, end_sentences, "; ",
												  "the likelihood is flat, so that the parameters are one choice among many")),
			 errdetail("A model \"%s\" of %lld customers has the boundary \"%s\": its parameters stand for this limit, and se is NULL.",
					   model_names[kind], (long long) n, boundary),
			 errhint("All functions of the model work; \"boundary\" tells which fits are meant.")));
}

/* btyd_fit: the model. */
Datum
cm_btyd_fit_final(PG_FUNCTION_ARGS)
{
	FitState   *state = PG_ARGISNULL(0) ? NULL : (FitState *) PG_GETARG_POINTER(0);
	Datum		values[BTYD_FIELDS] = {0};
	bool		nulls[BTYD_FIELDS] = {false};
	FinalExtra *extra;
	Maximum		maximum;
	Rows	   *rows;
	double		mean;
	double		jacobian;
	double		p[4];
	double		se[4];

	fit_context(fcinfo);
	if (state == NULL || state->tally->total == 0)
		PG_RETURN_NULL();
	extra = final_extra(fcinfo);
	rows = rows_of_state(state, &mean, &jacobian);
	fit_rows(rows, mean, &maximum);
	check_converged(&maximum, "btyd_fit");
	parameters_of(state->kind, maximum.at, p);
	nulls[BTYD_SE] = !standard_errors(rows, &maximum, p, se);
	nulls[BTYD_BOUNDARY] = !nulls[BTYD_SE];
	values[BTYD_MODEL] = CStringGetTextDatum(model_names[state->kind]);
	values[BTYD_UNIT] = IntervalPGetDatum(&state->unit);
	values[BTYD_PARAMS] = rescaled(rows, p);
	if (nulls[BTYD_SE])
	{
		char	   *boundary = ends_in_words(&maximum, end_meanings, ", ", "undetermined");

		values[BTYD_BOUNDARY] = CStringGetTextDatum(boundary);
		tell_boundary(extra, state->kind, &maximum, boundary, state->tally->total);
	}
	else
		values[BTYD_SE] = rescaled(rows, se);
	values[BTYD_LOGLIK] = Float8GetDatum(maximum.value - jacobian);
	values[BTYD_N] = Int64GetDatum(state->tally->total);
	values[BTYD_N_REPEATERS] = Int64GetDatum(repeaters(rows, state->tally));
	values[BTYD_N_SKIPPED] = Int64GetDatum(state->tally->skipped);
	values[BTYD_N_ITER] = Int64GetDatum(maximum.iterations);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(extra->tupdesc, values, nulls)));
}

/* ------------------------------------------------------------------
 * One customer by a model
 * ------------------------------------------------------------------
 */

/* The odds of being dead, as their logarithm. */
static double
log_odds_dead(const Btyd *m, const Customer *c)
{
	double		k = m->p[0] + c->x;
	double		a = m->p[1] + c->t_x;
	double		gap = c->t - c->t_x;
	double		since = log1p(gap / a);

	if (m->kind == PNBD)
	{
		double		b = m->p[3] + c->t_x;

		if (gap <= 0)
			return -INFINITY;
		return pnbd_tail(k, a, m->p[2], b, gap, false).log + k * since + m->p[2] * log1p(gap / b);
	}
	if (m->kind == BGNBD && c->x == 0)
		return -INFINITY;
	return log(m->p[2]) - log(m->p[3] + (m->kind == MBGNBD ? c->x : c->x - 1)) + k * since;
}

/* The chance of a BG/BB that a customer is still alive at the last opportunity. */
static double
alive_at_last(const Btyd *m, const Customer *c)
{
	double		dead;
	double		alive = bgbb_since(m->p, c, &dead);

	return alive / (alive + dead);
}

/* The probability that the customer is alive; of the BG/BB, that it will be at the next opportunity. */
static double
p_alive(const Btyd *m, const Customer *c)
{
	if (m->kind == BGBB)
		return alive_at_last(m, c) * ((m->p[3] + c->t) / (m->p[2] + m->p[3] + c->t));
	return logistic(-log_odds_dead(m, c));
}

/* ------------------------------------------------------------------
 * Means over the chance of dying
 * ------------------------------------------------------------------
 */

/* Steps of the integral, on the scale of the chance's log odds, and the most of them on a side. */
#define ODDS_STEP			0.25
#define MOST_STEPS			10000

/* Where 1/a + 1/b is less, the chance is the same for all, to the last digit. */
#define LEAST_SPREAD		1e-16

/* The mean of a function of a chance p that has a beta distribution (a, b): the sums so far. */
typedef struct BetaMean
{
	double		a;
	double		b;
	double		(*value) (double p, double k, double z);
	double		k;
	double		z;
	double		top;			/* log odds of p where the density is largest */
	double		step;
	double		weights;
	double		sum;
} BetaMean;

/* Logarithm of the density of the log odds, up to a constant. */
static double
odds_density(const BetaMean *mean, double odds)
{
	return -mean->a * log1p_exp(-odds) - mean->b * log1p_exp(odds);
}

/*
 * Add the steps on one side of the top, up or down.  Beyond "limit" the density is
 * exponential and the function constant to the last digit, so that the rest is a
 * geometric series.
 */
static void
add_side(BetaMean *mean, int side, double limit)
{
	double		peak = odds_density(mean, mean->top);
	int			i;

	for (i = side > 0 ? 1 : 0; i < MOST_STEPS; i++)
	{
		double		odds = mean->top + side * i * mean->step;
		double		weight = exp(odds_density(mean, odds) - peak);
		double		value = mean->value(logistic(odds), mean->k, mean->z);
		bool		last = side * (odds - limit) > 0;

		if (last)
			weight /= -expm1(-(side > 0 ? mean->b : mean->a) * mean->step);
		mean->weights += weight;
		mean->sum += weight * value;
		if (last || (weight < 1e-19 * mean->weights && weight * value < 1e-19 * mean->sum))
			return;
	}
}

/*
 * The mean of value(p, k, z) by the trapezoid rule over the log odds of p; below
 * the log odds "low" it is constant to the last digit.
 */
static double
beta_mean(double (*value) (double, double, double), double k, double z, double a, double b, double low)
{
	BetaMean	mean = {a, b, value, k, z, log(a) - log(b), Min(ODDS_STEP, 0.5 * sqrt(1 / a + 1 / b)), 0, 0};

	if (1 / a + 1 / b < LEAST_SPREAD)
		return value(logistic(mean.top), k, z);
	add_side(&mean, -1, Max(Min(low, mean.top), -700));
	add_side(&mean, 1, Min(Max(42, mean.top), 700));
	return mean.sum / mean.weights;
}

/* ------------------------------------------------------------------
 * Purchases to come
 * ------------------------------------------------------------------
 */

/* More terms of the series than this take longer than the integral. */
#define MOST_TERMS			4000

/* Purchases to come where each has the chance p to be the last: (1 - (1 + p z)^-k) / p. */
static double
tosses_of(double p, double k, double z)
{
	return p * z * (k + 1) < 1e-17 ? k * z : -expm1(-k * log1p(p * z)) / p;
}

/*
 * Purchases to come of a customer who is alive, with a rate of gamma distribution
 * (k, A) and a chance of beta distribution (a, b) to die after each of them, in a
 * time of z times A: with Y the number of purchases that one who never dies would
 * make, of negative binomial distribution, the mean of the first Y terms of
 * 1 + E(1 - p) + E(1 - p)^2 + ...  All terms are positive.
 */
static double
tosses_expected(double k, double z, double a, double b)
{
	double		share = z / (1 + z);
	double		chance = exp(-k * log1p(z));	/* of so many purchases */
	double		survival = 1;	/* of so many tosses */
	double		purchases = 0;	/* among so many, before dying */
	double		sum = 0;
	double		i;

	if (z <= 0)
		return 0;
	if (!(k * log1p(z) < 600 && k * z + 40 * sqrt(k * z * (1 + z)) + 60 * (1 + z) < MOST_TERMS))
		return beta_mean(tosses_of, k, z, a, b, -42 - log1p(k * z));
	for (i = 0; i < 10 * MOST_TERMS; i++)
	{
		double		ratio = share * (k + i) / (i + 1);

		purchases += survival;
		survival *= (b + i) / (a + b + i);
		chance *= ratio;
		sum += chance * purchases;
		if (i > k * z && ratio < 1 && chance * (i + 1) * ratio <= (1 - ratio) * (1 - ratio) * 1e-17 * sum)
			break;
	}
	return sum;
}

/* (1 - exp(-c u)) / c, which is u at c = 0. */
static double
fading(double c, double u)
{
	return c == 0 ? u : -expm1(-c * u) / c;
}

/*
 * The opportunities of a BG/BB, among so many, that a customer who was alive at the
 * last one lives to see, discounted at a continuous rate for each.
 */
static double
opportunities_alive(const Btyd *m, double t, double ahead, double rate)
{
	double		alive = 1;
	double		sum = 0;
	double		i;

	for (i = 0; i < ahead; i++)
	{
		if (fmod(i, 8192) == 0)
			CHECK_FOR_INTERRUPTS();
		alive *= (m->p[3] + t + i) / (m->p[2] + m->p[3] + t + i);
		sum += alive * exp(-rate * (i + 1));
	}
	return sum;
}

/* Purchases to come within the horizon, of a customer who is alive (at the last opportunity). */
static double
expected_alive(const Btyd *m, double horizon, const Customer *c)
{
	double		k = m->p[0] + c->x;
	double		a = m->p[1] + c->t;

	if (horizon == 0)
		return 0;
	switch (m->kind)
	{
		case BGBB:
			return k / (m->p[0] + m->p[1] + c->t) * opportunities_alive(m, c->t, horizon, 0);
		case PNBD:
			{
				double		b = m->p[3] + c->t;

				return k * (b / a) * fading(m->p[2] - 1, log1p(horizon / b));
			}
		default:
			return tosses_expected(k, horizon / a, m->p[2], m->p[3] + c->x + (m->kind == MBGNBD ? 1 : 0));
	}
}

/* Purchases to come within the horizon. */
static double
expected(const Btyd *m, double horizon, const Customer *c)
{
	return (m->kind == BGBB ? alive_at_last(m, c) : p_alive(m, c)) * expected_alive(m, horizon, c);
}

/* What a BG/BB horizon must be; raises 22023. */
static void
check_horizon(const Btyd *m, double horizon)
{
	if (m->kind == BGBB && (horizon != floor(horizon) || horizon > MOST_AHEAD))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("horizon must be a whole number of opportunities up to %d in a model \"bgbb\", not %s",
						MOST_AHEAD, number_shown(horizon))));
}

/* Read a model. */
static Btyd
btyd_argument(FunctionCallInfo fcinfo, int argument)
{
	Model		model = model_argument(fcinfo, argument, "btyd_model", btyd_fields, BTYD_FIELDS);
	Btyd		m = {0};
	const double *params;
	int			n;
	int			i;

	m.kind = NMODELS;
	if (!model.nulls[BTYD_MODEL])
	{
		char	   *name = TextDatumGetCString(model.values[BTYD_MODEL]);

		for (i = 0; i < NMODELS; i++)
			if (strcmp(name, model_names[i]) == 0)
				m.kind = i;
	}
	if (m.kind == NMODELS)
		model_invalid(&model, btyd_fields[BTYD_MODEL]);
	if (model.nulls[BTYD_UNIT])
		model_invalid(&model, btyd_fields[BTYD_UNIT]);
	m.unit = *DatumGetIntervalP(model.values[BTYD_UNIT]);
	if (!is_unit(&m.unit))
		model_invalid(&model, btyd_fields[BTYD_UNIT]);
	params = model_floats(&model, BTYD_PARAMS, &n);
	for (i = 0; i < 4; i++)
	{
		if (n != 4 || !(params[i] > 0))
			model_invalid(&model, btyd_fields[BTYD_PARAMS]);
		m.p[i] = params[i];
	}
	return m;
}

/* x, t_x and t of a customer. */
static Customer
customer_arguments(FunctionCallInfo fcinfo, const Btyd *m, int argument)
{
	Customer	c;

	check_customer(m->kind, PG_GETARG_INT64(argument), PG_GETARG_FLOAT8(argument + 1), PG_GETARG_FLOAT8(argument + 2));
	c.x = (double) PG_GETARG_INT64(argument);
	c.t_x = PG_GETARG_FLOAT8(argument + 1);
	c.t = PG_GETARG_FLOAT8(argument + 2);
	return c;
}

/* A customer's summary, in the unit of the model; false if it is not known. */
static bool
customer_summary(FunctionCallInfo fcinfo, const Btyd *m, int argument, Customer *c, Summary *summary)
{
	*summary = summary_argument(fcinfo, argument);
	if (interval_span(&summary->unit) != interval_span(&m->unit))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unit of the summary must be that of the model, %s, not %s",
						interval_shown(&m->unit), interval_shown(&summary->unit)),
				 errhint("Make the summary with the unit of the model.")));
	if (!summary->known)
		return false;
	check_customer(m->kind, summary->x, summary->t_x, summary->t);
	c->x = (double) summary->x;
	c->t_x = summary->t_x;
	c->t = summary->t;
	return true;
}

/* btyd_p_alive(model, x, t_x, t) */
Datum
cm_btyd_p_alive(PG_FUNCTION_ARGS)
{
	Btyd		m = btyd_argument(fcinfo, 0);
	Customer	c = customer_arguments(fcinfo, &m, 1);

	PG_RETURN_FLOAT8(finite_result(p_alive(&m, &c), "the probability of being alive"));
}

/* btyd_p_alive(model, summary) */
Datum
cm_btyd_p_alive_summary(PG_FUNCTION_ARGS)
{
	Btyd		m = btyd_argument(fcinfo, 0);
	Summary		summary;
	Customer	c;

	if (!customer_summary(fcinfo, &m, 1, &c, &summary))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(finite_result(p_alive(&m, &c), "the probability of being alive"));
}

/* btyd_expected(model, horizon, x, t_x, t) */
Datum
cm_btyd_expected(PG_FUNCTION_ARGS)
{
	Btyd		m = btyd_argument(fcinfo, 0);
	double		horizon = float_at_least(fcinfo, 1, "horizon", 0);
	Customer	c = customer_arguments(fcinfo, &m, 2);

	check_horizon(&m, horizon);
	PG_RETURN_FLOAT8(finite_result(expected(&m, horizon, &c), "the number of purchases"));
}

/* btyd_expected(model, horizon, summary) */
Datum
cm_btyd_expected_summary(PG_FUNCTION_ARGS)
{
	Btyd		m = btyd_argument(fcinfo, 0);
	double		horizon = horizon_in_units(PG_GETARG_INTERVAL_P(1), &m.unit);
	Summary		summary;
	Customer	c;

	check_horizon(&m, horizon);
	if (!customer_summary(fcinfo, &m, 2, &c, &summary))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(finite_result(expected(&m, horizon, &c), "the number of purchases"));
}

/* btyd_expected_new(model, horizon), the horizon in units of the model */
Datum
cm_btyd_expected_new(PG_FUNCTION_ARGS)
{
	Btyd		m = btyd_argument(fcinfo, 0);
	double		horizon = float_at_least(fcinfo, 1, "horizon", 0);
	Customer	c = {0};

	check_horizon(&m, horizon);
	PG_RETURN_FLOAT8(finite_result(expected(&m, horizon, &c), "the number of purchases"));
}

/* btyd_expected_new(model, horizon), the horizon an interval */
Datum
cm_btyd_expected_new_interval(PG_FUNCTION_ARGS)
{
	Btyd		m = btyd_argument(fcinfo, 0);
	double		horizon = horizon_in_units(PG_GETARG_INTERVAL_P(1), &m.unit);
	Customer	c = {0};

	check_horizon(&m, horizon);
	PG_RETURN_FLOAT8(finite_result(expected(&m, horizon, &c), "the number of purchases"));
}

/* Raises 22003: purchases without end and without discount. */
static void
residual_infinite(const char *parameter, double value)
{
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("without a discount the expected purchases are infinite: %s is %s, not more than 1", parameter, number_shown(value)),
			 errhint("Give a discount rate above 0, or use btyd_expected with a horizon.")));
}

/*
 * The integral of exp(-rate t) (1 + t/b)^-s for t from 0 on, by w = ln(1 + t/b), up
 * to where one of the factors is gone, in pieces on which both are smooth; without a
 * rate it is b / (s - 1).
 */
static double
discounted_time(double s, double b, double rate)
{
	double		pace = rate * b;
	double		reach = log1p((FOLDS + 10) / pace);
	double		sum = 0;
	int			pieces;
	int			i;

	if (rate == 0)
		return b / (s - 1);
	if (s > 1)
		reach = Min(reach, FOLDS / (s - 1));
	if (!(reach < 2000))
		return NAN;
	pieces = 1 + (int) Max(reach, (fabs(s - 1) * reach + pace * expm1(reach)) / MOST_FOLDS);
	for (i = 0; i < pieces * GAUSS_POINTS; i++)
	{
		double		w = (i / GAUSS_POINTS + gauss_nodes[i % GAUSS_POINTS]) * (reach / pieces);

		sum += gauss_weights[i % GAUSS_POINTS] * exp((1 - s) * w - pace * expm1(w));
	}
	return sum * reach / pieces * b;
}

/* 1 + q + q^2 + ... with q = (1 - p) exp(-rate): the opportunities seen where each has the chance p to be the last. */
static double
opportunities_of(double p, double rate, double factor)
{
	return 1 / (p * factor - expm1(-rate));
}

/* The opportunities of a BG/BB that a customer who was alive at the last one lives to see, all of them, discounted. */
static double
discounted_opportunities(double gamma, double lasting, double rate)
{
	double		factor = exp(-rate);

	if (rate == 0)
		return lasting / (gamma - 1);
	return lasting / (gamma + lasting) * factor *
		beta_mean(opportunities_of, rate, factor, gamma, lasting + 1, log(-expm1(-rate)) - 42);
}

/* btyd_residual(model, discount_rate, x, t_x, t) */
Datum
cm_btyd_residual(PG_FUNCTION_ARGS)
{
	Btyd		m = btyd_argument(fcinfo, 0);
	double		rate = float_at_least(fcinfo, 1, "discount_rate", 0);
	Customer	c = customer_arguments(fcinfo, &m, 2);
	double		result;

	if (m.kind != PNBD && m.kind != BGBB)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("btyd_residual knows the models \"pnbd\" and \"bgbb\", not \"%s\"", model_names[m.kind]),
				 errhint("Use btyd_expected, or btyd_clv, with a long horizon.")));
	if (rate == 0 && m.p[2] <= 1)
		residual_infinite(parameter_names[m.kind][2], m.p[2]);
	if (m.kind == PNBD)
		result = p_alive(&m, &c) * ((m.p[0] + c.x) / (m.p[1] + c.t)) * discounted_time(m.p[2], m.p[3] + c.t, rate);
	else
		result = alive_at_last(&m, &c) * ((m.p[0] + c.x) / (m.p[0] + m.p[1] + c.t)) *
			discounted_opportunities(m.p[2], m.p[3] + c.t, rate);
	PG_RETURN_FLOAT8(finite_result(result, "the number of purchases"));
}

/* btyd_summary(model): a row for each parameter. */
Datum
cm_btyd_summary(PG_FUNCTION_ARGS)
{
	Btyd		m = btyd_argument(fcinfo, 0);
	Model		model = model_argument(fcinfo, 0, "btyd_model", btyd_fields, BTYD_FIELDS);
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	const double *se = NULL;
	int			n = 0;
	int			i;

	if (!model.nulls[BTYD_SE])
	{
		se = model_floats(&model, BTYD_SE, &n);
		if (n != 4)
			model_invalid(&model, btyd_fields[BTYD_SE]);
	}
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	for (i = 0; i < 4; i++)
	{
		Datum		values[3];
		bool		nulls[3] = {false, false, se == NULL};

		values[0] = CStringGetTextDatum(parameter_names[m.kind][i]);
		values[1] = Float8GetDatum(m.p[i]);
		values[2] = se ? Float8GetDatum(se[i]) : (Datum) 0;
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* ------------------------------------------------------------------
 * What a customer is worth
 * ------------------------------------------------------------------
 */

/*
 * The purchases of a customer who is alive within so many units, each discounted by
 * the end of its step, at a continuous rate per unit.  Steps are months, the last one
 * as long as it is.
 */
static double
discounted_purchases(const Btyd *m, double units, double month, double rate, const Customer *c)
{
	double		before = 0;
	double		purchases_before = 0;
	double		sum = 0;
	double		i;

	for (i = 1; before < units; i++)
	{
		double		until = Min(i * month, units);
		double		purchases;

		/* a rest that is only rounding is no step */
		if (units - until < 1e-9 * month)
			until = units;
		CHECK_FOR_INTERRUPTS();
		purchases = expected_alive(m, until, c);
		sum += (purchases - purchases_before) * exp(-rate * until);
		before = until;
		purchases_before = purchases;
	}
	return sum;
}

/* The value of a customer's purchases within the horizon at so much each; of the BG/BB the steps are the opportunities. */
static double
lifetime_value(const Btyd *m, const Interval *horizon, double annual_discount, const Customer *c, double value)
{
	double		units = horizon_in_units(horizon, &m->unit);
	double		month = (double) USECS_PER_MONTH / (double) interval_span(&m->unit);
	double		rate = log1p(annual_discount) / MONTHS_PER_YEAR / month;

	check_horizon(m, units);
	if (units > MOST_MONTHS * month)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("horizon must be 100 years or less, not %s", interval_shown(horizon))));
	if (m->kind == BGBB)
		return alive_at_last(m, c) * ((m->p[0] + c->x) / (m->p[0] + m->p[1] + c->t)) *
			opportunities_alive(m, c->t, units, rate) * value;
	return p_alive(m, c) * discounted_purchases(m, units, month, rate, c) * value;
}

/* The discount rate of a year; raises 22023. */
static double
annual_discount_argument(FunctionCallInfo fcinfo, int argument)
{
	double		rate = float_at_least(fcinfo, argument, "annual_discount", 0);

	if (rate >= 10)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("annual_discount must be less than 10, not %s", number_shown(rate)),
				 errhint("Ten percent a year is given as 0.1.")));
	return rate;
}

/* btyd_clv(model, values, x, t_x, t, mean_value, horizon, annual_discount): mean_value may be NULL where x is 0. */
Datum
cm_btyd_clv(PG_FUNCTION_ARGS)
{
	Btyd		m;
	GammaGamma	g;
	Customer	c;
	double		discount;
	int			i;

	for (i = 0; i < 8; i++)
		if (PG_ARGISNULL(i) && !(i == 5 && PG_GETARG_INT64(2) == 0))
			PG_RETURN_NULL();
	m = btyd_argument(fcinfo, 0);
	g = gg_argument(fcinfo, 1);
	c = customer_arguments(fcinfo, &m, 2);
	discount = annual_discount_argument(fcinfo, 7);
	PG_RETURN_FLOAT8(finite_result(lifetime_value(&m, PG_GETARG_INTERVAL_P(6), discount, &c,
												  gg_value(&g, PG_GETARG_INT64(2), PG_ARGISNULL(5) ? 0 : PG_GETARG_FLOAT8(5))),
								   "the value"));
}

/* btyd_clv(model, values, summary, horizon, annual_discount) */
Datum
cm_btyd_clv_summary(PG_FUNCTION_ARGS)
{
	Btyd		m = btyd_argument(fcinfo, 0);
	GammaGamma	g = gg_argument(fcinfo, 1);
	double		discount = annual_discount_argument(fcinfo, 4);
	Summary		summary;
	Customer	c;

	if (!customer_summary(fcinfo, &m, 2, &c, &summary) || (c.x > 0 && !summary.has_mean))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(finite_result(lifetime_value(&m, PG_GETARG_INTERVAL_P(3), discount, &c,
												  gg_value(&g, summary.x, summary.mean_value)),
								   "the value"));
}
