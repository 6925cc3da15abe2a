namespace Matrix.Cli.Input

open System
open System.IO
open Matrix.Cli.Output
open Matrix.Host.Crypto
open Matrix.Properties.Vectors

/// Reads files of vectors.
module internal VectorFiles =
    /// Ed25519 as the server computes it.
    let ed25519: Ed25519 = {
        PublicKey = fun seed -> Ed25519Key.FromSeed(ReadOnlySpan<byte> seed).PublicKey.ToArray()
        Sign = fun seed message -> Ed25519Key.FromSeed(ReadOnlySpan<byte> seed).Sign(ReadOnlySpan<byte> message)
        Verify =
            fun key message signature ->
                Matrix.Host.Crypto.Ed25519.Verify(
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

    // The outline of the specification's pages is in the same folder, and is not a file of vectors.
    let private outline = "authorization-outline.json"

    /// The files in a folder and its subfolders.
    let inFolder (folder: string) : string list =
        Directory.GetFiles(folder, "*.json", SearchOption.AllDirectories)
        |> Array.filter (fun file -> Path.GetFileName file <> outline)
        |> Array.sort
        |> List.ofArray

    /// Reads files, and all files of folders, or returns the error of the first malformed file.
    let readAll (names: string list) : Result<(string * VectorFile) list, Ending> =
        names
        |> Ending.all (fun name ->
            if Directory.Exists name then
                match inFolder name with
                | [] -> Error(Misused $"{name}: expected a folder with vectors: no file in it ends with .json")
                | files -> Ok files
            else
                Ok [ name ])
        |> Result.bind (List.concat >> Ending.all read)

    /// The folder of the checkout, if `mx` runs in one.
    let ofCheckout () : string option =
        let folder =
            match Environment.GetEnvironmentVariable "MATRIX_HOME" with
            | NonNull home when home <> "" -> Path.Combine(home, "tests", "vectors")
            | _ -> Path.Combine("tests", "vectors")

        if Directory.Exists folder then Some folder else None
