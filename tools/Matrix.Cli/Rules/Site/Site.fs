namespace Matrix.Cli.Rules.Site

open System.IO
open System.Reflection
open System.Threading.Tasks
open Matrix.Rules

/// The site: every version, every difference, and a page that leads to them.
[<RequireQualifiedAccess>]
module internal Site =

    let private styles () : string =
        use stream =
            match Assembly.GetExecutingAssembly().GetManifestResourceStream "site.css" with
            | null -> invalidOp "site.css is not in the assembly"
            | stream -> stream

        use reader = new StreamReader(stream)
        reader.ReadToEnd()

    /// The pairs that are compared, older first: all of the specification, and an unstable version with its parent.
    let pairs (versions: RoomVersion list) : (RoomVersion * RoomVersion) list = [
        for i, a in List.indexed versions do
            for b in List.skip (i + 1) versions do
                if
                    (a.Stability = Stability.Stable && b.Stability = Stability.Stable)
                    || b.Parent = Some a.Id
                then
                    a, b
    ]

    /// Files by name. `told` hears how many there are and how many are written, from any thread.
    let files (versions: RoomVersion list) (told: int -> int -> unit) : (string * string)[] =
        let pairs = pairs versions

        let work: (string * (unit -> string))[] = [|
            "site.css", styles
            "index.html", (fun () -> IndexPage.write versions pairs)
            for v in versions do
                Pieces.versionFile v, (fun () -> VersionPage.write versions pairs v)
            for a, b in pairs do
                Pieces.diffFile a b, (fun () -> DiffPage.write versions a b)
        |]

        let written: (string * string)[] = Array.zeroCreate work.Length
        let mutable finished = 0

        // Differences take seconds each, and have nothing to do with one another.
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
