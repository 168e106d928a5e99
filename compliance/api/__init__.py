"""The API for other programs: FHIR R4 out, results and questionnaires in, cards for orders."""
