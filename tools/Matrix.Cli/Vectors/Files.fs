namespace Matrix.Cli.Vectors

open System
open System.IO
open Matrix.Cli
open Matrix.Host.Sodium
open Matrix.Properties.Vectors

/// Files of vectors, as the commands are given them.
module internal Files =
    /// The system's Ed25519.
    let ed25519: Ed25519 = {
        Sign = fun seed message -> Ed25519Key.FromSeed(ReadOnlySpan<byte> seed).Sign(ReadOnlySpan<byte> message)
        Verify =
            fun key message signature ->
                Matrix.Host.Sodium.Ed25519.Verify(
                    ReadOnlySpan<byte> key,
                    ReadOnlySpan<byte> message,
                    ReadOnlySpan<byte> signature
                )
    }

    let private read (file: string) : Result<string * VectorFile, Ending> =
        Reading.file file
        |> Result.bind (fun bytes ->
            match Vectors.read (ReadOnlySpan<byte> bytes) with
            | Ok vectors -> Ok(file, vectors)
            | Error fault -> Error(Misused $"{file}: {fault}"))

    // It stands among the vectors, and is none: the outline of the pages.
    let private outline = "authorization-outline.json"

    /// The files in a folder, and below.
    let inFolder (folder: string) : string list =
        Directory.GetFiles(folder, "*.json", SearchOption.AllDirectories)
        |> Array.filter (fun file -> Path.GetFileName file <> outline)
        |> Array.sort
        |> List.ofArray

    /// Reads files, and all that are in folders, or says what is wrong with the first that is malformed.
    let readAll (files: string list) : Result<(string * VectorFile) list, Ending> =
        let rec go taken rest =
            match rest with
            | [] -> Ok(List.rev taken)
            | file :: rest ->
                match read file with
                | Ok file -> go (file :: taken) rest
                | Error ending -> Error ending

        files
        |> List.collect (fun file -> if Directory.Exists file then inFolder file else [ file ])
        |> go []

    /// The files of the checkout, if `mx` is run from one.
    let ofCheckout () : Result<string list, Ending> =
        let folder =
            match Environment.GetEnvironmentVariable "MATRIX_HOME" with
            | NonNull home when home <> "" -> Path.Combine(home, "tests", "vectors")
            | _ -> Path.Combine("tests", "vectors")

        if Directory.Exists folder then
            Ok(inFolder folder)
        else
            Error(Misused "no FILE is given, and there is no tests/vectors here")
