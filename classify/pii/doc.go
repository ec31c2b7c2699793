// Package pii finds personal data.
package pii
