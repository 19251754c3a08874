# Makes the install and upgrade scripts from the parts in sql/parts.
#
# Lines between "--each DIMENSION ..." and "--end" are written once for every
# combination of the dimensions' values, with @name@ replaced as listed here.
# Lines from "--since VERSION" to the end of the part came with that version, and so did
# what has a value with "since=VERSION"; all else is as old as FIRST.
#
# @series@ stands for the arguments that every series has, @series_types@ for their types,
# @ledger_state@ for what all aggregates say whose state is a ledger. "@partial_functions NAME@" makes the functions NAME_combine,
# NAME_serial and NAME_deserial of an aggregate whose state is internal, "@partial_state NAME@" is what such an aggregate says of them.
#
#   awk -f expand.awk PARTS                     the install script
#   awk -v to=0.1.0 -f expand.awk PARTS         the install script of that version
#   awk -v from=0.1.0 -f expand.awk PARTS       the upgrade script from that version
BEGIN {
    FIRST = "0.1.0"
    values["customer"] = "customer=bigint|customer=uuid|customer=text"
    values["time"] = "time=date,range=daterange|time=timestamp,range=tsrange|time=timestamptz,range=tstzrange"
    values["period_rate"] = "rate=churn_rate|rate=retention_rate|rate=mrr_churn|rate=net_mrr_churn|rate=grr|rate=nrr|rate=clv"
    values["renewal_rate"] = "rate=renewal_rate|rate=mrr_renewal_rate|rate=trial_conversion|rate=mrr_trial_conversion"
    # a comma in a value is written as a semicolon
    values["policy"] = "trans=period,policy=,policytype=,bypolicy=" \
        "|trans=policy,policy=; policy churn_policy,policytype=; churn_policy,bypolicy=; by a policy,since=0.2.0"
    values["source"] = "source=ledger,type=subscription_ledger,symbol=,parallel=SAFE,cost=10000,of=of a ledger" \
        "|source=query,type=text,symbol=_query,parallel=UNSAFE,cost=100000,of=of the subscription rows that a query returns"
    values["term_source"] = "term_source=query text,type=text,symbol=,parallel=UNSAFE,cost=100000,of=of the subscription rows that a query returns,of_trials=of the trials and paid stretches that a query returns" \
        "|term_source=terms subscription_ledger,type=subscription_ledger,symbol=_terms,parallel=SAFE,cost=10000,of=of a value of renewal_terms(),of_trials=of a value of trial_terms(),since=0.3.0"
    series = "every interval DEFAULT '1 month',\n    since date DEFAULT NULL,\n    until date DEFAULT NULL,\n" \
        "    time_zone text DEFAULT NULL,\n    policy churn_policy DEFAULT NULL,\n    origin date DEFAULT NULL"
    ledger_state = "STYPE = subscription_ledger,\n    SSPACE = 128,\n    COMBINEFUNC = subscription_ledger_combine,\n    PARALLEL = SAFE\n"
    partial_state = "    STYPE = internal,\n    COMBINEFUNC = %_combine,\n    SERIALFUNC = %_serial,\n    DESERIALFUNC = %_deserial,\n    PARALLEL = SAFE\n"
    partial_functions = \
        "CREATE FUNCTION %_combine(state internal, other internal) RETURNS internal\n" \
        "    AS 'MODULE_PATHNAME', 'cm_%_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE;\n" \
        "COMMENT ON FUNCTION %_combine(internal, internal) IS 'combine function of %()';\n\n" \
        "CREATE FUNCTION %_serial(state internal) RETURNS bytea\n" \
        "    AS 'MODULE_PATHNAME', 'cm_%_serial' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;\n" \
        "COMMENT ON FUNCTION %_serial(internal) IS 'serialization function of %()';\n\n" \
        "CREATE FUNCTION %_deserial(bytes bytea, context internal) RETURNS internal\n" \
        "    AS 'MODULE_PATHNAME', 'cm_%_deserial' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;\n" \
        "COMMENT ON FUNCTION %_deserial(bytea, internal) IS 'deserialization function of %()';\n"
    print "\\echo Use \"" (from == "" ? "CREATE EXTENSION churnmetrics" : "ALTER EXTENSION churnmetrics UPDATE") \
        "\" to load this file. \\quit"
}

# Is version a newer than version b?
function newer(a, b,    x, y, i) {
    split(a, x, ".")
    split(b, y, ".")
    for (i = 1; i <= 3; i++)
        if (x[i] + 0 != y[i] + 0)
            return x[i] + 0 > y[i] + 0
    return 0
}

# The text with a line "@MACRO NAME@" made into what the template says, in which % stands for the name.
function macro(text, name, template,    line, filled) {
    while (match(text, "[ ]*@" name " [a-z_]+@\n")) {
        line = substr(text, RSTART, RLENGTH)
        gsub(/^.* |@\n$/, "", line)
        filled = template
        gsub("%", line, filled)
        text = substr(text, 1, RSTART - 1) filled substr(text, RSTART + RLENGTH)
    }
    return text
}

# Prints what came with a version, if it is asked for.
function put(text, version) {
    text = macro(text, "partial_state", partial_state)
    text = macro(text, "partial_functions", partial_functions)
    gsub(/@series@/, series, text)
    gsub(/@ledger_state@/, ledger_state, text)
    gsub(/@series_types@/, "interval, date, date, text, churn_policy, date", text)
    if ((from == "" || newer(version, from)) && (to == "" || !newer(version, to)))
        printf "%s", text
}

# Prints a text for all values of the dimensions from the i-th on.
function expand(text, version, i,    v, s, n, m, value, pair, j, k, equals, name, came) {
    if (i > dimensions) {
        put(text, version)
        return
    }
    n = split(values[dimension[i]], value, "|")
    for (j = 1; j <= n; j++) {
        s = text
        came = version
        m = split(value[j], pair, ",")
        for (k = 1; k <= m; k++) {
            equals = index(pair[k], "=")
            name = substr(pair[k], 1, equals - 1)
            v = substr(pair[k], equals + 1)
            gsub(";", ",", v)
            if (name == "since" && newer(v, came))
                came = v
            gsub("@" name "@", v, s)
        }
        expand(s, came, i + 1)
    }
}

FNR == 1 { since = FIRST }
/^--since / { since = $2; next }
/^--each / {
    dimensions = split(substr($0, 8), dimension, " ")
    for (d in dimension)
        if (!(dimension[d] in values))
            fail("unknown dimension " dimension[d])
    inside = 1
    block = ""
    next
}
/^--end/ { expand(block, since, 1); inside = 0; next }
inside { block = block $0 "\n"; next }
{ put($0 "\n", since) }

function fail(message) {
    print "sql/expand.awk: " FILENAME ": " message > "/dev/stderr"
    failed = 1
    exit 1
}
END {
    if (inside && !failed)
        fail("--each without --end")
}
