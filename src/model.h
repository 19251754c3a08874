/*
 * model.h
 *		What the estimators share: models as composite values, the arguments that
 *		all of them take, and the limit on an aggregate's memory.
 *
 * A model is a composite, so that it can be stored, shown and taken apart by
 * field; whoever makes one by hand may have put anything into it, so every
 * accessor reads it with the checks below.  See docs/estimators.md.
 */
#ifndef CM_MODEL_H
#define CM_MODEL_H

#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"

#include "compat.h"

/* churnmetrics.fit_memory, in kB. */
extern int	fit_memory;

extern void check_fit_memory(Size bytes);

/* The memory context of the aggregate that a function is called for; elog outside one. */
extern MemoryContext fit_context(FunctionCallInfo fcinfo);

/* Arguments. */
extern char *number_shown(double value);
extern double float_argument(FunctionCallInfo fcinfo, int argument, const char *name);
extern double float_between(FunctionCallInfo fcinfo, int argument, const char *name, double low, double high);
extern double float_above(FunctionCallInfo fcinfo, int argument, const char *name, double low);
extern double float_at_least(FunctionCallInfo fcinfo, int argument, const char *name, double least);
extern double confidence_argument(FunctionCallInfo fcinfo, int argument);
extern int	choice_argument(FunctionCallInfo fcinfo, int argument, const char *name,
							const char *const *choices, int nchoices);

/* A state that another process wrote. */
extern StringInfoData message_of(bytea *bytes);

/* A result of the composite type that the function returns. */
extern Datum composite_datum(FunctionCallInfo fcinfo, Datum *values, bool *nulls);

/* Arrays for the fields of a model. */
extern Datum float_array(const double *values, int n);
extern Datum int_array(const int64 *values, int n);

/* A model that an accessor was given. */
typedef struct Model
{
	const char *type;			/* its name, for messages */
	int			nfields;
	Datum	   *values;
	bool	   *nulls;
	Oid		   *types;
	const char *const *names;
} Model;

extern Model model_argument(FunctionCallInfo fcinfo, int argument, const char *type,
							const char *const *names, int nfields);
pg_noreturn extern void model_invalid(const Model *model, const char *field);
extern double model_float(const Model *model, int field, double low, double high);
extern int64 model_int(const Model *model, int field, int64 low, int64 high);
extern bool model_bool(const Model *model, int field);
extern const double *model_floats(const Model *model, int field, int *n);
extern const int64 *model_ints(const Model *model, int field, int *n);

#endif							/* CM_MODEL_H */
