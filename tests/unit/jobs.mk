# unit tests of jobs
