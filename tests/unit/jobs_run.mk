# unit tests of the jobs' work: pool, runner, judge, predictor
