// Package hub makes a bundle (package classify/models) of a classifier that is
// published on Hugging Face, or on a server that answers as it does.
//
// Promises:
//
//   - Only a full commit is downloaded, never a branch, so that the same order
//     gives the same files tomorrow.
//   - Each file is held against every hash that is known of it: the caller's
//     pin, the SHA-256 that the hub states for a large file, the git object id
//     that it states for a small one. [File.Trust] says which there was; a file
//     for which nothing vouches is reported as such, not passed over.
//   - The folder appears at once and whole, after package models has read it
//     back, or not at all. An interrupted download goes on where it stopped.
//   - Everything that is wrong with the small files is said before the large one
//     is fetched.
//   - No file is larger than its bound, no connection is silent for longer than
//     its bound, and there are at most five redirects, none of them to plain HTTP.
//   - The token goes to the endpoint and to no other host, and is in no error;
//     neither are the addresses of redirects, which are signed.
//
// The proxy variables of the environment are obeyed, unlike anywhere else in the
// program: this is a download that a person starts, often from behind one.
//
// What it must not know: how a model is run, what a head is for (but for the
// label that a guard looks for, see [Order]), flags and terminals.
//
// Protocol: GET {endpoint}/{repo}/resolve/{revision}/{file}, as huggingface_hub
// does it. The answer, or the redirect to a content host, has X-Linked-Etag (the
// SHA-256 of a file in large-file storage) and X-Linked-Size, or an ETag (the git
// blob id of any other file), and X-Repo-Commit.
package hub
