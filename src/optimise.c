/*
 * optimise.c
 *		The maximum of a smooth function within bounds; see optimise.h.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"

#include "numerics.h"
#include "optimise.h"

#define MOST_ITERATIONS		60		/* of Newton's method in one go */
#define MOST_ROUNDS			4		/* of search and Newton's method */
#define SEARCH_PER_PARAMETER	25	/* evaluations of the first search */
#define LONGEST_STEP		2.0		/* of one parameter in one iteration */
#define SMALL_GRADIENT		1e-9	/* relative to the value */
#define SMALL_STEP			1e-9
#define SECOND_STEP			1e-4	/* for differences of the gradient */
#define FIRST_STEP			1e-3	/* for differences of the function, of the fourth order */
#define POLISHES			5		/* iterations after convergence, at the most */
#define LARGEST_ERROR		100		/* a parameter with a larger standard error is not determined */
#define GOOD_PROGRESS		0.1		/* of the gradient: the second derivatives may stay as they are */

/* Where a search stands: what it has spent, and the problem. */
typedef struct Search
{
	const Problem *problem;
	int			evaluations;
} Search;

/* The function, with -infinity for whatever is not a number. */
static double
evaluate(Search *search, const double *at, double *gradient)
{
	double		value;
	int			i;

	CHECK_FOR_INTERRUPTS();
	search->evaluations++;
	value = search->problem->objective(at, gradient, search->problem->data);
	if (isnan(value) || value == INFINITY)
		return -INFINITY;
	if (gradient)
		for (i = 0; i < search->problem->n; i++)
			if (isnan(gradient[i]) || isinf(gradient[i]))
				return -INFINITY;
	return value;
}

/* Bring a point within the bounds. */
static void
clamp(const Problem *problem, double *at)
{
	int			i;

	for (i = 0; i < problem->n; i++)
		at[i] = Min(Max(at[i], problem->lower[i]), problem->upper[i]);
}

/* The gradient by central differences of the fourth order, for an objective without one; may step over a bound. */
void
central_gradient(const Problem *problem, const double *at, double *gradient)
{
	double		point[MAXIMUM_PARAMETERS];
	int			i;

	memcpy(point, at, problem->n * sizeof(double));
	for (i = 0; i < problem->n; i++)
	{
		double		near;
		double		far;

		point[i] = at[i] + FIRST_STEP;
		near = problem->objective(point, NULL, problem->data);
		point[i] = at[i] - FIRST_STEP;
		near -= problem->objective(point, NULL, problem->data);
		point[i] = at[i] + 2 * FIRST_STEP;
		far = problem->objective(point, NULL, problem->data);
		point[i] = at[i] - 2 * FIRST_STEP;
		far -= problem->objective(point, NULL, problem->data);
		point[i] = at[i];
		gradient[i] = (8 * near - far) / (12 * FIRST_STEP);
	}
}

/* A corner of the simplex. */
typedef struct Corner
{
	double		at[MAXIMUM_PARAMETERS];
	double		value;
} Corner;

/* The point middle + factor x (corner - middle), and the function there. */
static Corner
along(Search *search, const double *middle, const Corner *corner, double factor)
{
	Corner		result;
	int			i;

	for (i = 0; i < search->problem->n; i++)
		result.at[i] = middle[i] + factor * (corner->at[i] - middle[i]);
	clamp(search->problem, result.at);
	result.value = evaluate(search, result.at, NULL);
	return result;
}

/* Put the corners in order, the best first. */
static void
sort_corners(Corner *corners, int n)
{
	int			i;
	int			j;

	for (i = 1; i < n; i++)
	{
		Corner		moved = corners[i];

		for (j = i; j > 0 && corners[j - 1].value < moved.value; j--)
			corners[j] = corners[j - 1];
		corners[j] = moved;
	}
}

/* One step of the simplex, whose corners are in order. */
static void
simplex_step(Search *search, Corner *corners)
{
	int			n = search->problem->n;
	Corner	   *worst = &corners[n];
	Corner		reflected;
	Corner		other;
	double		middle[MAXIMUM_PARAMETERS] = {0};
	int			i;
	int			j;

	for (i = 0; i < n; i++)
		for (j = 0; j < n; j++)
			middle[j] += corners[i].at[j] / n;
	reflected = along(search, middle, worst, -1);
	if (reflected.value > corners[0].value)
	{
		other = along(search, middle, worst, -2);
		*worst = other.value > reflected.value ? other : reflected;
		return;
	}
	if (reflected.value > corners[n - 1].value)
	{
		*worst = reflected;
		return;
	}
	other = along(search, middle, reflected.value > worst->value ? &reflected : worst, 0.5);
	if (other.value > Max(reflected.value, worst->value))
	{
		*worst = other;
		return;
	}
	for (i = 1; i <= n; i++)
		corners[i] = along(search, corners[0].at, &corners[i], 0.5);
}

/* Nelder and Mead's search around a point, with so many evaluations. */
static void
simplex_search(Search *search, Corner *best, double size, int evaluations)
{
	int			n = search->problem->n;
	int			end = search->evaluations + evaluations;
	Corner		corners[MAXIMUM_PARAMETERS + 1];
	int			i;

	for (i = 0; i <= n; i++)
		corners[i] = *best;
	for (i = 1; i <= n; i++)
	{
		double	   *moved = &corners[i].at[i - 1];

		*moved += *moved + size <= search->problem->upper[i - 1] ? size : -size;
		clamp(search->problem, corners[i].at);
		corners[i].value = evaluate(search, corners[i].at, NULL);
	}
	while (search->evaluations < end)
	{
		sort_corners(corners, n + 1);
		if (corners[0].value - corners[n].value <= 1e-10 * (fabs(corners[0].value) + 1))
			break;
		simplex_step(search, corners);
	}
	sort_corners(corners, n + 1);
	*best = corners[0];
}

/* The second derivatives by central differences of the gradient; false where it is not finite. */
static bool
second_differences(Search *search, Maximum *m)
{
	int			n = search->problem->n;
	double		point[MAXIMUM_PARAMETERS];
	double		up[MAXIMUM_PARAMETERS];
	double		down[MAXIMUM_PARAMETERS];
	int			i;
	int			j;

	memcpy(point, m->at, n * sizeof(double));
	for (i = 0; i < n; i++)
	{
		point[i] = m->at[i] + SECOND_STEP;
		if (evaluate(search, point, up) == -INFINITY)
			return false;
		point[i] = m->at[i] - SECOND_STEP;
		if (evaluate(search, point, down) == -INFINITY)
			return false;
		point[i] = m->at[i];
		for (j = 0; j < n; j++)
			m->hessian[i * n + j] = (up[j] - down[j]) / (2 * SECOND_STEP);
	}
	for (i = 0; i < n; i++)
		for (j = 0; j < i; j++)
			m->hessian[i * n + j] = m->hessian[j * n + i] = (m->hessian[i * n + j] + m->hessian[j * n + i]) / 2;
	return true;
}

/* Which bounds hold the point, and how large the rest of the gradient is. */
static void
judge(const Problem *problem, Maximum *m)
{
	double		largest = 0;
	int			i;

	for (i = 0; i < problem->n; i++)
	{
		m->bound[i] = (m->at[i] <= problem->lower[i] && m->gradient[i] <= 0) ||
			(m->at[i] >= problem->upper[i] && m->gradient[i] >= 0);
		if (!m->bound[i])
			largest = Max(largest, fabs(m->gradient[i]));
	}
	m->relative_gradient = largest / Max(fabs(m->value), 1);
	m->converged = m->relative_gradient < SMALL_GRADIENT;
}

/*
 * The step that the damped Newton method takes from a point, for parameters not
 * held by a bound: (-H + damping x D)^-1 g, with D the size of H's diagonal.
 * False where that matrix is not positive definite.
 */
static bool
newton_step(const Problem *problem, const Maximum *m, double damping, double *step)
{
	int			n = problem->n;
	double		a[MAXIMUM_PARAMETERS * MAXIMUM_PARAMETERS];
	double		b[MAXIMUM_PARAMETERS];
	int			free[MAXIMUM_PARAMETERS];
	int			k = 0;
	int			i;
	int			j;
	double		scale = 1e-12;
	double		longest = 0;

	for (i = 0; i < n; i++)
	{
		step[i] = 0;
		if (!m->bound[i])
			free[k++] = i;
		scale = Max(scale, fabs(m->hessian[i * n + i]));
	}
	for (i = 0; i < k; i++)
	{
		for (j = 0; j < k; j++)
			a[i * k + j] = -m->hessian[free[i] * n + free[j]];
		a[i * k + i] += damping * Max(fabs(a[i * k + i]), 1e-8 * scale);
		b[i] = m->gradient[free[i]];
	}
	for (i = 0; i < k; i++)
		if (!(a[i * k + i] > 0))
			return false;
	if (cholesky_factor(a, k, 1e-13) >= 0)
		return false;
	cholesky_solve(a, k, b);
	for (i = 0; i < k; i++)
		longest = Max(longest, fabs(b[i]));
	if (isnan(longest) || isinf(longest))
		return false;
	for (i = 0; i < k; i++)
		step[free[i]] = longest > LONGEST_STEP ? b[i] * LONGEST_STEP / longest : b[i];
	return true;
}

/* Is "to" as good as "from", up to rounding, or nearer to a point without a gradient? */
static bool
better(const Maximum *from, const Maximum *to)
{
	double		rounding = 1e-13 * (fabs(from->value) + 1);

	if (to->value > from->value + rounding)
		return true;
	return to->value >= from->value - 10 * rounding && to->relative_gradient < from->relative_gradient;
}

/* The damped Newton method from a point whose gradient is known. */
static void
newton(Search *search, Maximum *m)
{
	const Problem *problem = search->problem;
	int			n = problem->n;
	double		damping = 1e-3;
	bool		keep = false;
	int			polishes = 0;
	int			iteration;

	for (iteration = 0; iteration < MOST_ITERATIONS; iteration++)
	{
		double		longest = 0;
		bool		moved = false;
		int			tries;
		int			i;

		if (!keep && !second_differences(search, m))
			return;
		m->iterations++;
		for (tries = 0; tries < 30 && !moved; tries++)
		{
			double		step[MAXIMUM_PARAMETERS];
			Maximum		next = *m;

			if (newton_step(problem, m, damping, step))
			{
				for (i = 0; i < n; i++)
					next.at[i] += step[i];
				clamp(problem, next.at);
				next.value = evaluate(search, next.at, next.gradient);
				if (next.value != -INFINITY)
				{
					judge(problem, &next);
					moved = better(m, &next);
				}
			}
			if (moved)
			{
				for (i = 0; i < n; i++)
					longest = Max(longest, fabs(next.at[i] - m->at[i]));
				keep = next.relative_gradient < GOOD_PROGRESS * m->relative_gradient;
				*m = next;
				damping = damping > 1e-9 ? damping / 10 : 0;
			}
			else if (m->converged)
				break;
			else
				damping = Max(damping * 10, 1e-6);
		}
		if (!moved && keep)
		{
			keep = false;		/* with fresh second derivatives there may be a way on */
			continue;
		}
		if (!moved || (m->converged && (longest < SMALL_STEP || polishes++ >= POLISHES)))
			return;
	}
}

/*
 * Maximise from the best of the starts (points of n parameters each), after a
 * search around the "nsearched" best of them, or none.  The Hessian is that of
 * the maximum.
 */
void
maximise(const Problem *problem, const double *starts, int nstarts, int nsearched, Maximum *result)
{
	Search		search = {problem, 0};
	int			n = problem->n;
	Corner	   *corners = palloc(nstarts * sizeof(Corner));
	int			round;
	int			i;

	Assert(n <= MAXIMUM_PARAMETERS && nstarts > 0);
	memset(result, 0, sizeof(Maximum));
	for (i = 0; i < nstarts; i++)
	{
		memcpy(corners[i].at, starts + i * n, n * sizeof(double));
		clamp(problem, corners[i].at);
		corners[i].value = evaluate(&search, corners[i].at, NULL);
	}
	sort_corners(corners, nstarts);
	for (i = 0; i < Min(nsearched, nstarts); i++)
		simplex_search(&search, &corners[i], 0.7, SEARCH_PER_PARAMETER * n);
	sort_corners(corners, nstarts);
	for (round = 0; round < MOST_ROUNDS; round++)
	{
		memcpy(result->at, corners[0].at, n * sizeof(double));
		result->value = evaluate(&search, result->at, result->gradient);
		result->converged = false;
		if (result->value != -INFINITY)
		{
			judge(problem, result);
			newton(&search, result);
			if (result->converged)
				break;
			memcpy(corners[0].at, result->at, n * sizeof(double));
			corners[0].value = result->value;
		}
		simplex_search(&search, &corners[0], 0.5, 100 * n);
	}
	if (result->converged && !second_differences(&search, result))
		result->converged = false;
	result->evaluations = search.evaluations;
	pfree(corners);
}

/* Raises 22000 where a fit found nothing. */
void
check_converged(const Maximum *maximum, const char *aggregate)
{
	if (!maximum->converged)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("%s found no maximum of the likelihood in %d evaluations", aggregate, maximum->evaluations),
				 errdetail("The relative gradient is still %.2g.", maximum->relative_gradient),
				 errhint("Look for customers far away from all others, such as resellers, and leave them out; or take another model.")));
}

/*
 * The covariance of the parameters, the inverse of the negative Hessian; false
 * where the data do not determine all of them: one is at a bound, or the Hessian
 * is singular, or a standard error so large that the parameter may be anything.
 */
bool
maximum_covariance(const Problem *problem, const Maximum *maximum, double *covariance)
{
	int			n = problem->n;
	double		a[MAXIMUM_PARAMETERS * MAXIMUM_PARAMETERS];
	int			i;

	for (i = 0; i < n; i++)
		if (maximum->bound[i] || !(maximum->hessian[i * n + i] < 0))
			return false;
	for (i = 0; i < n * n; i++)
		a[i] = -maximum->hessian[i];
	if (cholesky_factor(a, n, 1e-10) >= 0)
		return false;
	cholesky_inverse(a, n, covariance);
	for (i = 0; i < n; i++)
		if (!(covariance[i * n + i] < LARGEST_ERROR * LARGEST_ERROR))
			return false;
	return true;
}
