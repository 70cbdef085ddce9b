# the way in: config, admission, datasets, submission
