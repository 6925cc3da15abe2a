namespace Matrix.Cli.Rules

open System
open System.IO
open System.Security.Cryptography
open System.Text
open Matrix.Proofs.Queries
open Matrix.Rules

/// What was proved before: the digests of the questions, for each version in the form that `sha256sum` checks. A
/// question has all that its proof depends on: tables, claims and how they are written. Which solvers answered is
/// beside them.
[<Sealed>]
type internal KeptProofs(folder: string) =

    let solversFile = Path.Combine(folder, "solvers")

    let fileOf (versionId: string) =
        Path.Combine(folder, $"{versionId}.sha256")

    let linesOf (file: string) =
        if File.Exists file then
            List.ofArray (File.ReadAllLines file)
        else
            []

    let digests (versionId: string) : Map<string, string> =
        Map [
            for line in linesOf (fileOf versionId) do
                match line.Split("  ", 2) with
                | [| digest; name |] -> name, digest
                | _ -> ()
        ]

    let known =
        Collections.Concurrent.ConcurrentDictionary<string, Map<string, string>>()

    /// The name of a question's file.
    static member FileName(query: Query) : string =
        let isPlain c =
            Char.IsAsciiLetterOrDigit c || c = '-' || c = '.' || c = '='

        String.map (fun c -> if isPlain c then c else '-') query.Name + ".smt2"

    /// SHA-256 of a question's file, in hexadecimal.
    static member Digest(query: Query) : string =
        Query.file query
        |> Encoding.UTF8.GetBytes
        |> SHA256.HashData
        |> Convert.ToHexStringLower

    /// Where they are: in `tests/proofs` of the repository that `mx` runs from, or of the current folder.
    static member Usual() : KeptProofs =
        let home = Environment.GetEnvironmentVariable "MATRIX_HOME" |> Option.ofObj
        KeptProofs(Path.Combine(Option.defaultValue "." home, "tests", "proofs"))

    /// The solvers that proved them, with their versions.
    member _.Solvers: (string * string) list = [
        for line in linesOf solversFile do
            match line.Split ' ' with
            | [| name; version |] -> name, version
            | _ -> ()
    ]

    /// Whether this very question was proved.
    member _.Has(query: Query) : bool =
        let ofVersion = known.GetOrAdd(query.Version.Id, digests)
        ofVersion.TryFind(KeptProofs.FileName query) = Some(KeptProofs.Digest query)

    /// The files of the questions that were proved of a version.
    member _.Names(version: RoomVersion) : string list =
        digests version.Id |> Map.keys |> List.ofSeq

    /// Keeps these as the proofs of a version, and the solvers that proved them.
    member _.Keep(version: RoomVersion, solvers: (string * string) list, proved: Query list) : unit =
        Directory.CreateDirectory folder |> ignore

        let lines =
            [ for query in proved -> KeptProofs.FileName query, KeptProofs.Digest query ]
            |> List.sortWith (fun (a, _) (b, _) -> String.CompareOrdinal(a, b))
            |> List.map (fun (name, digest) -> $"{digest}  {name}")

        File.WriteAllLines(fileOf version.Id, lines)
        File.WriteAllLines(solversFile, [ for name, version in solvers -> $"{name} {version}" ])
