"""Step 1: which files of the state folder are read (`find`) and which are not (`unread`); the text of each (`text`)."""
