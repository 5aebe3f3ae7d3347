import nonsense
