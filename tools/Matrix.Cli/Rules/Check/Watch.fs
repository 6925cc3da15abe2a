/// Runs a check again whenever what it reads is saved.
module internal Matrix.Cli.Rules.Check.Watch

open System
open System.Diagnostics
open System.IO
open System.Reflection
open System.Runtime.InteropServices
open System.Threading
open Matrix.Cli.Output
open Matrix.Cli.Sources

/// What is watched.
type Watched =
    | File of path: string
    /// The rules of a checkout.
    | Rules of root: string

/// A save is often several changes. A run begins when so long nothing changed.
let private quiet = TimeSpan.FromMilliseconds 200.0

/// What a run may take beyond its own limit, to start and to end.
let private grace = TimeSpan.FromSeconds 5.0

/// How often the child and the changes are looked at.
let private pause = TimeSpan.FromMilliseconds 50.0

let private isSource (path: string) =
    not (path.Contains "/obj/" || path.Contains "/bin/")

let private watch (saved: unit -> unit) (watched: Watched) : FileSystemWatcher =
    let watcher =
        match watched with
        | File path ->
            let path = Path.GetFullPath path
            new FileSystemWatcher(string (Path.GetDirectoryName path), string (Path.GetFileName path))
        | Rules root ->
            let watcher =
                new FileSystemWatcher(Path.Combine(root, Checkout.Rules), IncludeSubdirectories = true)

            watcher.Filters.Add "*.fs"
            watcher.Filters.Add "*.fsproj"
            watcher

    // Editors write in place, or write another file and rename it.
    let told (path: string) =
        if isSource path then
            saved ()

    watcher.Changed.Add(fun e -> told e.FullPath)
    watcher.Created.Add(fun e -> told e.FullPath)
    watcher.Renamed.Add(fun e -> told e.FullPath)
    watcher.EnableRaisingEvents <- true
    watcher

/// This program with other arguments.
let private start (arguments: string list) : Process option =
    let program = Environment.ProcessPath |> string
    let assembly = Assembly.GetExecutingAssembly().Location

    let arguments =
        if Path.GetFileNameWithoutExtension program = "dotnet" then
            assembly :: arguments
        else
            arguments

    Process.Start(ProcessStartInfo(program, arguments)) |> Option.ofObj

let private kill (child: Process) =
    if not child.HasExited then
        child.Kill true

    child.WaitForExit()

let private say (text: string) =
    Console.Out.WriteLine(Terminal.faint text)
    Console.Out.Flush()

/// Runs the check with these arguments now and after each save, until somebody ends it. Each run is a process of its
/// own, which a newer save or the limit ends.
let run (watched: Watched list) (limit: TimeSpan) (arguments: string list) : Ending =
    use ended = new CancellationTokenSource()
    let savedAt = [| 0L |]

    let saved () =
        Volatile.Write(&savedAt[0], Stopwatch.GetTimestamp())

    let stop (context: PosixSignalContext) =
        context.Cancel <- true
        ended.Cancel()

    use _ = PosixSignalRegistration.Create(PosixSignal.SIGINT, stop)
    use _ = PosixSignalRegistration.Create(PosixSignal.SIGTERM, stop)

    let watchers = watched |> List.map (watch saved)

    let waits () =
        not (ended.Token.WaitHandle.WaitOne pause)

    // Whether something was saved since, and nothing more for a moment.
    let isSaved (since: int64) =
        let at = Volatile.Read &savedAt[0]
        at > since && Stopwatch.GetElapsedTime at >= quiet

    let rec next () : Ending =
        let since = Stopwatch.GetTimestamp()

        match start arguments with
        | None -> Refused "the check cannot be started"
        | Some started ->
            use child = started
            let clock = Stopwatch.StartNew()
            let mutable isRunning = true

            while isRunning && waits () do
                isRunning <- not (isSaved since) && not child.HasExited && clock.Elapsed <= limit + grace

            let isDone = child.HasExited
            kill child

            if ended.IsCancellationRequested then
                Done
            else
                let seconds =
                    clock.Elapsed.TotalSeconds.ToString("F1", Globalization.CultureInfo.InvariantCulture)

                if isDone then
                    say $"checked in {seconds} s; again after each save, until Ctrl-C"
                else
                    say $"ended after {seconds} s"

                while not (isSaved since) && waits () do
                    ()

                if ended.IsCancellationRequested then Done else next ()

    try
        next ()
    finally
        for watcher in watchers do
            watcher.Dispose()
