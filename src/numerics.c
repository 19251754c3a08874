/*
 * numerics.c
 *		Distributions and small linear algebra for the estimators.  See numerics.h
 *		for why they are here.
 *
 * The methods are the textbooks': Newton's iteration on the logarithm of the
 * normal tail; series and Lentz's continued fractions for the incomplete gamma
 * and beta functions (Abramowitz & Stegun 1964, 6.5 and 26.5); safeguarded
 * Newton for the quantiles.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "numerics.h"

/* Iterations of continued fractions and series that nothing sensible needs. */
#define MANY_TERMS		10000000

/* Beta parameters above this are as good as normal: the difference is below 1e-9 of a standard deviation's own share. */
#define NORMAL_FROM		1e9

const double gauss_nodes[GAUSS_POINTS] = {
	0.0013680690752592182275, 0.0071942442273658322999, 0.017618872206246784613, 0.032546962031130155415,
	0.051839422116973938017, 0.075316193133715014933, 0.10275810201602879652, 0.13390894062985515981,
	0.16847786653489239951, 0.20614212137961883548, 0.24655004553388530499, 0.28932436193468232732,
	0.33406569885893617511, 0.38035631887393146273, 0.42776401920860175326, 0.47584616715613084188,
	0.52415383284386915812, 0.57223598079139824674, 0.61964368112606853727, 0.66593430114106382489,
	0.71067563806531767268, 0.75344995446611469501, 0.79385787862038116452, 0.83152213346510760049,
	0.86609105937014484019, 0.89724189798397120348, 0.92468380686628498507, 0.94816057788302606198,
	0.96745303796886984459, 0.98238112779375321539, 0.9928057557726341677, 0.99863193092474078177
};

const double gauss_weights[GAUSS_POINTS] = {
	0.0035093050047350483002, 0.0081371973654528353026, 0.012696032654631029728, 0.017136931456510716551,
	0.021417949011113340328, 0.025499029631188088098, 0.029342046739267773573, 0.032911111388180923419,
	0.036172897054424253113, 0.039096947893535153236, 0.041655962113473377611, 0.043826046502201905571,
	0.045586939347881942356, 0.04692219954040228282, 0.04781936003963742971, 0.048270044257363900283,
	0.048270044257363900283, 0.04781936003963742971, 0.04692219954040228282, 0.045586939347881942356,
	0.043826046502201905571, 0.041655962113473377611, 0.039096947893535153236, 0.036172897054424253113,
	0.032911111388180923419, 0.029342046739267773573, 0.025499029631188088098, 0.021417949011113340328,
	0.017136931456510716551, 0.012696032654631029728, 0.0081371973654528353026, 0.0035093050047350483002
};

double
normal_cdf(double x)
{
	return 0.5 * erfc(-x / M_SQRT2);
}

/* The z >= 0 that leaves "tail" (0 < tail <= 0.5) above it. */
static double
normal_upper(double tail)
{
	double		t = sqrt(-2 * log(tail));
	double		z;
	int			i;

	/* Abramowitz & Stegun 26.2.23 to begin with: 4.5e-4 */
	z = t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
	for (i = 0; i < 8; i++)
	{
		double		above = 0.5 * erfc(z / M_SQRT2);
		double		density = exp(-0.5 * z * z) / sqrt(2 * M_PI);
		double		step = log(above / tail) * above / density;

		z += step;
		if (fabs(step) <= 4 * DBL_EPSILON * fabs(z))
			break;
	}
	return z;
}

double
normal_quantile(double p)
{
	if (p == 0.5)
		return 0;
	return p < 0.5 ? -normal_upper(p) : normal_upper(1 - p);
}

double
normal_deviate(double confidence)
{
	return normal_upper((1 - confidence) / 2);
}

double
normal_two_sided(double z)
{
	return erfc(fabs(z) / M_SQRT2);
}

double
chi_squared_upper(double x, double df)
{
	double		a = df / 2;
	double		y = x / 2;
	double		front;
	int			sign;
	int			i;

	if (y <= 0)
		return 1;
	front = exp(a * log(y) - y - lgamma_r(a, &sign));
	if (y < a + 1)
	{
		double		term = 1 / a;
		double		sum = term;

		for (i = 1; i < MANY_TERMS; i++)
		{
			term *= y / (a + i);
			sum += term;
			if (term < sum * DBL_EPSILON / 4)
				break;
		}
		return Max(1 - front * sum, 0);
	}
	else
	{
		double		b = y + 1 - a;
		double		c = 1 / DBL_MIN;
		double		d = 1 / b;
		double		h = d;

		for (i = 1; i < MANY_TERMS; i++)
		{
			double		an = -i * (i - a);
			double		delta;

			b += 2;
			d = an * d + b;
			d = 1 / (fabs(d) < DBL_MIN ? DBL_MIN : d);
			c = b + an / c;
			c = fabs(c) < DBL_MIN ? DBL_MIN : c;
			delta = c * d;
			h *= delta;
			if (fabs(delta - 1) < DBL_EPSILON)
				break;
		}
		return Min(front * h, 1);
	}
}

double
log1p_less(double x)
{
	double		term = x;
	double		sum = 0;
	int			i;

	if (fabs(x) > 0.1)
		return log1p(x) - x;
	for (i = 2; i < 20 && fabs(term) > 1e-19; i++)
	{
		term *= -x;
		sum += term / i;
	}
	return sum;
}

double
gamma_rest(double w)
{
	int			sign;

	if (w >= STIRLING_FROM)
		return stirling_rest(w);
	return lgamma_r(w, &sign) - ((w - 0.5) * log(w) - w + 0.5 * log(2 * M_PI));
}

/* a (ln(x / m) - (x - m) / m) for the mean m = a / n of a share: what a exponent of x adds below the normal curve. */
static double
beta_side(double x, double off, double a, double n)
{
	double		ratio = x * (n / a);

	/* near 0 the distance from the mean would lose x */
	return a * (ratio < 0.5 ? log(ratio) - off * (n / a) : log1p_less(off * (n / a)));
}

/* ln of x^a (1 - x)^b / B(a, b), with 0 < x < 1: as the distance from the mean, for large a and b. */
static double
beta_front(double x, double a, double b)
{
	double		n = a + b;
	double		off = x - a / n;

	return beta_side(x, off, a, n) + beta_side(1 - x, -off, b, n) +
		0.5 * (log(a) + log(b) - log(n) - log(2 * M_PI)) -
		(gamma_rest(a) + gamma_rest(b) - gamma_rest(n));
}

/*
 * The continued fraction of I_x(a, b), for x below about a / (a + b) and y = 1 - x:
 * the even part of the textbook's (DiDonato & Morris 1992).  x and y stand where a
 * rounding of either is harmless, so that it serves the other tail, too.
 */
static double
beta_fraction(double x, double y, double a, double b)
{
	double		c = (a / (a + 1)) * ((a * y - b * x) + 1);
	double		f;
	double		d = 0;
	int			m;

	f = c = fabs(c) < DBL_MIN ? DBL_MIN : c;
	for (m = 1; m < MANY_TERMS; m++)
	{
		double		odd = a + 2.0 * m - 1;
		double		over = ((a + m - 1) / odd) * ((a + b + m - 1) / odd) * (m * (b - m)) * x * x;
		double		under = m + m * (b - m) * x / odd + (a + m) / (odd + 2) * ((a * y - b * x) + 1 + m * (1 + y));
		double		delta;

		d = under + over * d;
		d = 1 / (fabs(d) < DBL_MIN ? DBL_MIN : d);
		c = under + over / c;
		c = fabs(c) < DBL_MIN ? DBL_MIN : c;
		delta = c * d;
		f *= delta;
		if (fabs(delta - 1) <= 2 * DBL_EPSILON)
			break;
	}
	return 1 / f;
}

/* P(X <= x) or, if "upper", P(X > x); the one that is small is accurate whichever it is. */
static double
beta_tail(double x, double a, double b, bool upper)
{
	bool		below = x < (a + 1) / (a + b + 2);
	double		tail;

	if (x <= 0 || x >= 1)
		return (x <= 0) == upper ? 1 : 0;
	if (Min(a, b) > NORMAL_FROM)
	{
		double		z = (x - a / (a + b)) * (a + b) / sqrt(a * (b / (a + b)));

		return normal_cdf(upper ? -z : z);
	}
	tail = exp(beta_front(x, a, b)) * (below ? beta_fraction(x, 1 - x, a, b) : beta_fraction(1 - x, x, b, a));
	tail = Min(tail, 1);
	return below == upper ? 1 - tail : tail;
}

double
beta_cdf(double x, double a, double b)
{
	return beta_tail(x, a, b, false);
}

/* The x with beta_tail(x) = p: Newton's iteration, safeguarded by bisection. */
static double
beta_tail_quantile(double p, double a, double b, bool upper)
{
	double		low = 0;
	double		high = 1;
	double		x = a / (a + b);
	int			i;

	if (p <= 0 || p >= 1)
		return (p <= 0) == upper ? 1 : 0;
	if (Min(a, b) > NORMAL_FROM)
	{
		double		z = upper ? -normal_quantile(p) : normal_quantile(p);
		double		skew = 2 * (b - a) / (a + b) / sqrt(a * (b / (a + b)));

		/* Cornish and Fisher's first term */
		return x + (z + (z * z - 1) / 6 * skew) * sqrt(a * (b / (a + b))) / (a + b);
	}
	for (i = 0; i < 2000; i++)
	{
		double		miss = upper ? p - beta_tail(x, a, b, true) : beta_tail(x, a, b, false) - p;
		double		slope = exp(beta_front(x, a, b)) / (x * (1 - x));
		double		next;

		if (miss == 0)
			break;
		if (miss > 0)
			high = x;
		else
			low = x;
		next = x - miss / slope;
		if (!(next > low && next < high))
			next = low > 0 ? (high > 2 * low ? sqrt(low) * sqrt(high) : low + (high - low) / 2) : high / 16;
		if (fabs(next - x) <= 2 * DBL_EPSILON * x || next <= DBL_MIN || next >= 1)
			break;
		x = next;
	}
	return x;
}

double
beta_quantile(double p, double a, double b)
{
	return beta_tail_quantile(p, a, b, false);
}

double
beta_upper_quantile(double p, double a, double b)
{
	return beta_tail_quantile(p, a, b, true);
}

double
t_quantile(double p, double df)
{
	double		outside = 2 * Min(p, 1 - p);
	double		y;
	double		t;

	if (p == 0.5)
		return 0;
	/* t^2 / (df + t^2), or what it leaves of 1: the smaller */
	y = beta_upper_quantile(outside, 0.5, df / 2);
	if (y < 0.5)
		t = sqrt(df * y / (1 - y));
	else
	{
		double		x = beta_quantile(outside, df / 2, 0.5);

		t = sqrt(df * (1 - x) / x);
	}
	return p < 0.5 ? -t : t;
}

double
log1p_exp(double x)
{
	return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

double
logistic(double x)
{
	if (x >= 0)
		return 1 / (1 + exp(-x));
	return exp(x) / (1 + exp(x));
}

int
cholesky_factor(double *a, int n, double tolerance)
{
	int			i;
	int			j;
	int			k;

	for (j = 0; j < n; j++)
	{
		double		pivot = a[j * n + j];

		for (k = 0; k < j; k++)
			pivot -= a[j * n + k] * a[j * n + k];
		if (!(pivot > tolerance * a[j * n + j]))
			return j;
		pivot = sqrt(pivot);
		a[j * n + j] = pivot;
		for (i = j + 1; i < n; i++)
		{
			double		sum = a[i * n + j];

			for (k = 0; k < j; k++)
				sum -= a[i * n + k] * a[j * n + k];
			a[i * n + j] = sum / pivot;
		}
	}
	return -1;
}

/* Solve L L' x = b in place. */
void
cholesky_solve(const double *l, int n, double *b)
{
	int			i;
	int			k;

	for (i = 0; i < n; i++)
	{
		for (k = 0; k < i; k++)
			b[i] -= l[i * n + k] * b[k];
		b[i] /= l[i * n + i];
	}
	for (i = n - 1; i >= 0; i--)
	{
		for (k = i + 1; k < n; k++)
			b[i] -= l[k * n + i] * b[k];
		b[i] /= l[i * n + i];
	}
}

/* The inverse of L L', whole. */
void
cholesky_inverse(const double *l, int n, double *inverse)
{
	int			i;
	int			j;

	for (j = 0; j < n; j++)
	{
		double	   *row = inverse + j * n;

		for (i = 0; i < n; i++)
			row[i] = i == j;
		cholesky_solve(l, n, row);	/* a row for a column: the inverse is symmetric */
	}
}
