"""The recall loop: seeds, a classifier, the pages that it finds, hosts for a person to judge, and again."""
