/*
 * optimise.h
 *		The maximum of a smooth function of a few parameters within bounds.
 *
 * For log-likelihoods.  The parameters should be logarithms or the like, scaled
 * so that 1 is a step worth taking, and turned so that a direction in which the
 * maximum may run away is an axis of its own: it then stops at that axis' bound,
 * and the caller knows what the data do not determine.
 *
 * From the best of several starts a short search by Nelder and Mead's simplex
 * (1965) finds the region, and a damped Newton method with the gradient and the
 * second differences of it finds the maximum.  "Converged" speaks of the gradient,
 * never of the method having stopped.
 */
#ifndef CM_OPTIMISE_H
#define CM_OPTIMISE_H

#define MAXIMUM_PARAMETERS	6

/*
 * The function: its value at "at", and its gradient unless "gradient" is NULL.
 * Where it is not finite there is nothing to be found; any value that is not a
 * number counts as -infinity.
 */
typedef double (*Objective) (const double *at, double *gradient, void *data);

typedef struct Problem
{
	Objective	objective;
	void	   *data;
	int			n;				/* parameters */
	const double *lower;		/* bounds, finite */
	const double *upper;
} Problem;

typedef struct Maximum
{
	double		value;
	double		at[MAXIMUM_PARAMETERS];
	double		gradient[MAXIMUM_PARAMETERS];
	double		hessian[MAXIMUM_PARAMETERS * MAXIMUM_PARAMETERS];
	bool		bound[MAXIMUM_PARAMETERS];	/* at a bound, and uphill is beyond it */
	double		relative_gradient;	/* the largest of the rest, relative to the value */
	int			iterations;		/* of Newton's method */
	int			evaluations;	/* of the function, with the gradient or without */
	bool		converged;		/* relative_gradient is below 1e-9 */
} Maximum;

extern void maximise(const Problem *problem, const double *starts, int nstarts, int nsearched, Maximum *result);
extern void central_gradient(const Problem *problem, const double *at, double *gradient);
extern void check_converged(const Maximum *maximum, const char *aggregate);
extern bool maximum_covariance(const Problem *problem, const Maximum *maximum, double *covariance);

#endif							/* CM_OPTIMISE_H */
