# Rscript glm.R FILE ROUNDS: median seconds of R's glm.fit for the matrix in FILE (space-separated, outcome first).
arguments <- commandArgs(trailingOnly = TRUE)
data <- matrix(scan(arguments[1], quiet = TRUE), ncol = 11, byrow = TRUE)
x <- cbind(1, data[, -1])
y <- data[, 1]
times <- replicate(as.integer(arguments[2]), system.time(glm.fit(x, y, family = binomial()))[["elapsed"]])
cat(median(times), "\n")
