COPY lines TO $pipe (FORMAT csv, HEADER false, NULLSTR '\N');
