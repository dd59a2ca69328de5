"""What happened, held against what is to come: which real calls would the templates' policies have denied?"""
