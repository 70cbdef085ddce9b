# the work: pool, runner, judge, predictor
