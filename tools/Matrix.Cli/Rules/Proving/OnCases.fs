namespace Matrix.Cli.Rules

open System.Diagnostics
open FsCheck
open FsCheck.FSharp
open Matrix.Cli.Input
open Matrix.Cli.Output
open Matrix.Rules
open Matrix.Properties.Generators
open Matrix.Properties.Vectors
open Matrix.Proofs.Interpretation

/// Compares what solvers read with the evaluators on real cases: every axiom holds, and the verdict, the clause that
/// decides and the broken claims are the same.
module internal OnCases =

    /// The seconds that z3 has for a case.
    let private limit = 600

    type private Compared = {
        Version: RoomVersion
        Cases: int
        Vectors: int
        ByZ3: int
        /// The first difference, with its case.
        Difference: string option
    }

    let private drawn (version: RoomVersion) (count: int) : AuthCase seq =
        let one = Gen.oneof [ AuthGen.case version; AuthGen.levelsCase version ]
        let size = 100

        Seq.init ((count + size - 1) / size) (fun part -> Gen.sampleWithSeed (Rnd(uint64 part, 13UL)) 50 size one)
        |> Seq.concat
        |> Seq.truncate count

    let private vectors () : (string * AuthCase) list =
        match VectorFiles.ofCheckout () with
        | None -> []
        | Some folder ->
            match VectorFiles.readAll [ folder ] with
            | Error _ -> []
            | Ok files -> [
                for _, file in files do
                    for vector in file.Vectors do
                        match Vectors.authCase vector with
                        | Ok case -> vector.Version, case
                        | Error _ -> ()
              ]

    let private byZ3 (agreement: Agreement) (case: AuthCase) : string option =
        match (Solver.ask Solver.z3 limit (agreement.File case)).GetAwaiter().GetResult() with
        | Answer.Unsat -> None
        | Answer.Sat _ -> Some "the text says something else to z3"
        | Answer.Unknown reason -> Some $"z3: {reason}"

    let private compare (count: int) (solved: int) (vectors: (string * AuthCase) list) (version: RoomVersion) =
        let agreement = Agreement version

        let ofVersion = [
            for id, case in vectors do
                if id = version.Id then
                    case
        ]

        let difference (place: int) (case: AuthCase) =
            match agreement.Differences case with
            | first :: _ -> Some first
            | [] when place < solved -> byZ3 agreement case
            | [] -> None
            |> Option.map (fun words -> $"{words}\n{case.Display}")

        {
            Version = version
            Cases = count
            Vectors = ofVersion.Length
            ByZ3 = min count solved
            Difference =
                Seq.append (drawn version count) ofVersion
                |> Seq.indexed
                |> Seq.tryPick (fun (place, case) -> difference place case)
        }

    /// Compares this many drawn cases of each version, and all vectors; the first of them also by z3.
    let run (format: OutputFormat) (versions: RoomVersion list) (count: int) (solved: int) : Ending =
        use line = new Progress()
        let clock = Stopwatch.StartNew()
        let vectors = vectors ()

        let compared = [
            for version in versions ->
                line.Show version.Id
                compare count solved vectors version
        ]

        line.Show ""
        let differences = compared |> List.choose _.Difference

        Report.print format {
            Facts = [
                "cases", Count(compared |> List.sumBy (fun c -> int64 (c.Cases + c.Vectors)))
                "by z3", Count(compared |> List.sumBy (fun c -> int64 c.ByZ3))
                "differ", Count(int64 differences.Length)
                "seconds", Count(int64 clock.Elapsed.TotalSeconds)
            ]
            Tables = [
                {
                    Name = "versions"
                    Columns = [ "version"; "drawn"; "vectors"; "by_z3"; "difference" ]
                    Rows = [
                        for c in compared ->
                            [
                                Word c.Version.Id
                                Count(int64 c.Cases)
                                Count(int64 c.Vectors)
                                Count(int64 c.ByZ3)
                                Word(Option.defaultValue "none" c.Difference)
                            ]
                    ]
                }
            ]
        }

        if differences.IsEmpty then Done else Finding
