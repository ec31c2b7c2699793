// Package eval measures a classifier on rows whose right answer is known.
//
// There are three kinds of rows: texts with a label, for a head that judges the
// whole text; texts with the places of entities, for what is found in a text;
// texts with the outcomes of a weak and a strong language model, for a head
// whose score chooses between the two.
//
// It promises that a file of rows is read strictly or refused with the number
// of the line, that every row counts (one that the classifier could not answer
// counts as wrong, never as left out; in a text without anything to read a
// detector has found nothing), and that each figure says how it is computed. No
// text of a row is ever printed, drawn or returned; rows are named by their line.
//
// It knows nothing about models, files of models or commands: it is given a
// reader, a classifier and a writer.
package eval
