/// The pure half has no access to the world: no files, sockets, clocks, randomness, threads, console, environment or
/// processes.
module Matrix.Core.Tests.PurityTests

open System
open System.IO
open Expecto
open Matrix.Testing
open Matrix.Core.Tests.CompiledReferences

let private assembly (name: string) =
    read (Path.Combine(AppContext.BaseDirectory, name + ".dll"))

/// Namespaces that may be used as a whole.
let private wholeNamespaces =
    set [
        "System.Buffers"
        "System.Buffers.Binary"
        "System.Buffers.Text"
        "System.Collections"
        "System.Collections.Frozen"
        "System.Collections.Generic"
        "System.Collections.Immutable"
        "System.Diagnostics.CodeAnalysis"
        "System.Numerics"
        "System.Runtime.CompilerServices"
        "System.Runtime.Intrinsics"
        "System.Text"
        "System.Text.Json"
        "System.Text.Unicode"
        "Microsoft.FSharp.Collections"
        "Microsoft.FSharp.Core"
        "Microsoft.FSharp.Core.CompilerServices"
    ]

/// Types of other namespaces that may be used, without their nested types' names and arities.
let private types =
    let of' (ns: string) (names: string) =
        names.Split([| ' '; '\n' |], StringSplitOptions.RemoveEmptyEntries)
        |> Seq.map (fun name -> ns + "." + name)

    Seq.concat [
        of'
            "System"
            "Action ArgumentException ArgumentNullException ArgumentOutOfRangeException Array ArraySegment Attribute
             BitConverter Boolean Buffer Byte Char Comparison Convert Decimal Double Enum Exception FormatException Func
             Half HashCode IComparable IDisposable IEquatable IFormatProvider IFormattable Index Int128 Int16 Int32
             Int64 InvalidCastException InvalidOperationException Lazy Math Memory MemoryExtensions Nullable Object
             ObsoleteAttribute OverflowException Predicate Range ReadOnlyMemory ReadOnlySpan SByte Single Span String
             StringComparer StringComparison Tuple Type UInt128 UInt16 UInt32 UInt64 ValueTuple ValueType Void"
        of'
            "System.Diagnostics"
            "DebuggerBrowsableAttribute DebuggerBrowsableState DebuggerDisplayAttribute DebuggerNonUserCodeAttribute"
        of' "System.Globalization" "CultureInfo NumberStyles UnicodeCategory"
        of' "System.IO" "InvalidDataException"
        of' "System.Runtime.InteropServices" "CollectionsMarshal MemoryMarshal OutAttribute"
        // Hashes are functions; the rest of that namespace draws random numbers.
        of' "System.Security.Cryptography" "SHA1 SHA256"
        of' "Microsoft.FSharp.Control" "LazyExtensions"
    ]
    |> set

/// Members of allowed types that still access the world.
let private forbiddenMembers =
    set [
        "System.Globalization.CultureInfo.get_CurrentCulture"
        "System.Globalization.CultureInfo.get_CurrentUICulture"
        "System.StringComparer.get_CurrentCulture"
        "System.StringComparer.get_CurrentCultureIgnoreCase"
    ]

let private plain (name: string) =
    let outer = name.Split('+')[0]
    outer.Split('`')[0]

/// The rule that a reference breaks; "" if it breaks none.
let private offence (own: string list) (r: Reference) : string =
    let name = $"{r.Namespace}.{plain r.Type}"
    let uses = $"{r.From} uses {name}.{r.Member}"

    let isOurs =
        own
        |> List.exists (fun ns -> r.Namespace = ns || r.Namespace.StartsWith(ns + "."))

    if r.IsOwn || isOurs then
        ""
    elif not (wholeNamespaces.Contains r.Namespace || types.Contains name) then
        uses
    elif forbiddenMembers.Contains $"{name}.{r.Member}" then
        uses
    elif
        plain r.Type = "ExtraTopLevelOperators"
        && r.Member.StartsWith "PrintFormat"
        && not (r.Member.StartsWith "PrintFormatToString")
    then
        uses
    else
        ""

let private offences own name =
    assembly name
    |> Seq.map (offence own)
    |> Seq.filter ((<>) "")
    |> Seq.distinct
    |> Seq.toList

/// The folders of the core that each folder may use, besides itself.
let private directions =
    Map [
        "Json", []
        "Ident", []
        "Event", [ "Json"; "Ident" ]
        "Auth", [ "Json"; "Ident"; "Event" ]
        "State", [ "Ident"; "Event" ]
        "StateRes", [ "Json"; "Ident"; "Event"; "Auth"; "State" ]
        "Push", [ "Json"; "Ident"; "Event"; "Auth" ]
        "Sync", [ "Json"; "Ident"; "Event"; "State"; "Push" ]
        "Search", [ "Json" ]
        "Room", [ "Json"; "Ident"; "Event"; "Auth"; "State"; "StateRes" ]
        "Discovery", [ "Json"; "Ident" ]
        "Federation", [ "Json"; "Ident"; "Event"; "Push" ]
        "DeviceLists", [ "Json"; "Federation" ]
        "Presence", [ "Json" ]
        "Policy", [ "Json"; "Ident"; "Push" ]
        "Cluster", []
        "Facade",
        [
            "Json"
            "Ident"
            "Event"
            "Auth"
            "State"
            "StateRes"
            "Push"
            "Sync"
            "Room"
            "Discovery"
        ]
    ]

let private folder (ns: string) =
    if ns.StartsWith "Matrix.Core." then
        (ns.Split '.')[2]
    else
        ""

let tests =
    testList "PurityTests" [
        test "The rules use only values" { Expect.isEmpty (offences [] "Matrix.Rules") "offences" }

        test "The core uses only the rules and values" {
            Expect.isEmpty (offences [ "Matrix.Rules" ] "Matrix.Core") "offences"
        }

        test "The check sees a file being opened" {
            // This assembly reads files and its own path.
            let found = offences [] "Matrix.Core.Tests"
            Expect.anyContains found "System.IO.File.OpenRead" "found"
            Expect.anyContains found "System.AppContext.get_BaseDirectory" "found"
        }

        test "Folders of the core keep their direction" {
            let wrong =
                assembly "Matrix.Core"
                |> Seq.filter (fun r -> r.IsOwn && folder r.From <> "" && folder r.Namespace <> "")
                |> Seq.filter (fun r ->
                    match directions.TryFind(folder r.From) with
                    | Some below ->
                        folder r.Namespace <> folder r.From
                        && not (List.contains (folder r.Namespace) below)
                    | None -> true)
                |> Seq.map (fun r -> $"{r.From} uses {r.Namespace}.{r.Type}")
                |> Seq.distinct
                |> Seq.toList

            Expect.isEmpty wrong "a folder that is new needs its row in `directions`"
        }
    ]
