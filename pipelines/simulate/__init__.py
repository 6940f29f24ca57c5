"""A bank that never was: cardholders, merchants and fraudsters with known ground truth, and the world after the decision.

Reads in this order: places, trade, population (who there is), behaviour, occasions, fraud (what they do), bank (payments in
order), history and feed (the past, as files and on Kafka), world and live (the present). `handbook` is a second, simpler
generator after a published description.
"""
