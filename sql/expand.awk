# Makes the install script from the parts in sql/parts.
#
# Lines between "--each DIMENSION ..." and "--end" are written once for every
# combination of the dimensions' values, with @name@ replaced as listed here.
BEGIN {
    values["customer"] = "customer=bigint|customer=uuid|customer=text"
    values["time"] = "time=date,range=daterange|time=timestamp,range=tsrange|time=timestamptz,range=tstzrange"
    values["source"] = "source=ledger,type=subscription_ledger,symbol=,parallel=SAFE,cost=10000,of=of a ledger" \
        "|source=query,type=text,symbol=_query,parallel=UNSAFE,cost=100000,of=of the subscription rows that a query returns"
    print "\\echo Use \"CREATE EXTENSION churnmetrics\" to load this file. \\quit"
}

# Prints a text for all values of the dimensions from the i-th on.
function expand(text, i,    v, s, n, m, value, pair, j, k, equals) {
    if (i > dimensions) {
        printf "%s", text
        return
    }
    n = split(values[dimension[i]], value, "|")
    for (j = 1; j <= n; j++) {
        s = text
        m = split(value[j], pair, ",")
        for (k = 1; k <= m; k++) {
            equals = index(pair[k], "=")
            gsub("@" substr(pair[k], 1, equals - 1) "@", substr(pair[k], equals + 1), s)
        }
        expand(s, i + 1)
    }
}

/^--each / {
    dimensions = split(substr($0, 8), dimension, " ")
    for (d in dimension)
        if (!(dimension[d] in values))
            fail("unknown dimension " dimension[d])
    inside = 1
    block = ""
    next
}
/^--end/ { expand(block, 1); inside = 0; next }
inside { block = block $0 "\n"; next }
{ print }

function fail(message) {
    print "sql/expand.awk: " FILENAME ": " message > "/dev/stderr"
    failed = 1
    exit 1
}
END {
    if (inside && !failed)
        fail("--each without --end")
}
