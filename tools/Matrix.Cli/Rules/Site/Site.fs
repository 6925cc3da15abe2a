namespace Matrix.Cli.Rules.Site

open System.IO
open System.Reflection
open System.Threading.Tasks
open Matrix.Rules

/// The site: a page for every version, the claims about it and every difference, and an index.
[<RequireQualifiedAccess>]
module internal Site =

    let private styles () : string =
        use stream =
            match Assembly.GetExecutingAssembly().GetManifestResourceStream "site.css" with
            | null -> invalidOp "site.css is not in the assembly"
            | stream -> stream

        use reader = new StreamReader(stream)
        reader.ReadToEnd()

    /// The compared pairs, older first: all stable versions, and each unstable version with its parent.
    let pairs (versions: RoomVersion list) : (RoomVersion * RoomVersion) list = [
        for i, a in List.indexed versions do
            for b in List.skip (i + 1) versions do
                if
                    (a.Stability = Stability.Stable && b.Stability = Stability.Stable)
                    || b.Parent = Some a.Id
                then
                    a, b
    ]

    /// The files by name. `told` is called with the number of files and of finished ones, from any thread.
    let files (versions: RoomVersion list) (told: int -> int -> unit) : (string * string)[] =
        let pairs = pairs versions

        let work: (string * (unit -> string))[] = [|
            "site.css", styles
            "index.html", (fun () -> IndexPage.write versions pairs)
            for v in versions do
                Pieces.versionFile v, (fun () -> VersionPage.write versions pairs v)
                Pieces.claimsFile v, (fun () -> ClaimsPage.write versions v)
            for a, b in pairs do
                Pieces.diffFile a b, (fun () -> DiffPage.write versions a b)
        |]

        let written: (string * string)[] = Array.zeroCreate work.Length
        let mutable finished = 0

        // Differences take seconds each, and are independent of one another.
        Parallel.For(
            0,
            work.Length,
            fun i ->
                let name, write = work[i]
                written[i] <- name, write ()
                told work.Length (System.Threading.Interlocked.Increment &finished)
        )
        |> ignore

        written
