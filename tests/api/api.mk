# API tests
