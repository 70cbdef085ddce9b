# the dashboard
