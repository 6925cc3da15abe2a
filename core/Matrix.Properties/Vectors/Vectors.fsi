namespace Matrix.Properties.Vectors

open System
open Matrix.Core.Json
open Matrix.Properties.Generators

/// A file of vectors, read.
type VectorFile = {
    /// What its vectors show and where they come from.
    About: string
    Kind: string
    Vectors: Vector list
}

/// A member of an answer that is not as the vector has it.
type Difference = {
    Member: string
    Expected: Json
    /// None if the answer lacks it.
    Found: Json voption
} with

    /// In a line: the member, what was expected and what was found.
    override ToString: unit -> string

/// Test vectors in the form of `tests/vectors/FORMAT.md`: reading files, answering questions, comparing answers.
[<RequireQualifiedAccess>]
module Vectors =

    /// The kinds that there are.
    val kinds: string list

    /// Reads a file.
    val read: utf8: ReadOnlySpan<byte> -> Result<VectorFile, VectorFault>

    /// What this implementation answers to a question of a kind.
    val answer: ed25519: Ed25519 -> kind: string -> question: JsonObject -> Result<JsonObject, VectorFault>

    /// What an answer has otherwise than the vector. `byName`: also in members that are names of ours (clauses, faults) and
    /// that another implementation may leave out.
    val differences: kind: string -> byName: bool -> vector: Vector -> answer: JsonObject -> Difference list

    /// A vector of the kind `authorization` as the evaluators take it.
    val authCase: vector: Vector -> Result<AuthCase, VectorFault>

    /// A vector of the kind `redaction-handling` as the evaluators take it.
    val redactionCase: vector: Vector -> Result<RedactionCase, VectorFault>

    /// A decision as the answer to a vector of one of the two.
    val ofDecision: decision: Matrix.Core.Auth.Decision -> JsonObject
