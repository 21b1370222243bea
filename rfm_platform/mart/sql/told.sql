-- A text with its length in characters before it; a dash is NULL.
COALESCE(LENGTH({text}) || ':' || {text}, '-')
