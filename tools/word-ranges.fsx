// Makes core/Matrix.Core/Search/WordRanges.fs from LineBreak.txt and Scripts.txt of the Unicode Character Database:
//
//     dotnet fsi tools/word-ranges.fsx /usr/share/unicode > core/Matrix.Core/Search/WordRanges.fs
//     dotnet fantomas core/Matrix.Core/Search/WordRanges.fs
//
// Debian's package `unicode-data` has the files, as https://www.unicode.org/Public/ does.

open System
open System.IO

/// Line-breaking classes (UAX #14) of characters between which a line may break without a space: ideographs, kana, the
/// scripts of South East Asia, and Hangul. Hangul is spaced, but its words have endings, so that a search for a word
/// would not find most of its forms. The last four classes are those of Unicode 15.1 and later.
let classes =
    set [ "ID"; "CJ"; "SA"; "H2"; "H3"; "JL"; "JV"; "JT"; "AK"; "AP"; "AS"; "VF"; "VI" ]

/// The scripts of the last classes, which Unicode 15.0 does not have yet.
let scripts =
    set [
        "Balinese"
        "Batak"
        "Brahmi"
        "Cham"
        "Grantha"
        "Javanese"
        "Kawi"
        "Makasar"
    ]

/// Characters that are not assigned yet, by the head of LineBreak.txt: they are ideographs if they ever are.
let reserved = [
    0x3400, 0x4DBF
    0x4E00, 0x9FFF
    0xF900, 0xFAFF
    0x20000, 0x2FFFD
    0x30000, 0x3FFFD
]

/// The code points of a file, each with its value and its general category, which the comment has.
let read (path: string) =
    File.ReadAllLines path
    |> Seq.filter (fun line -> line <> "" && line[0] <> '#')
    |> Seq.collect (fun line ->
        let fields = line.Split([| ';'; '#' |], 3)

        let ends =
            fields[0].Trim().Split("..") |> Array.map (fun hex -> Convert.ToInt32(hex, 16))

        let category = fields[2].TrimStart().Substring(0, 2)
        seq { for point in ends[0] .. Array.last ends -> point, (fields[1].Trim(), category) })
    |> Map

let folder = fsi.CommandLineArgs[1]
let lineBreaks = read (Path.Combine(folder, "LineBreak.txt"))
let scriptOf = read (Path.Combine(folder, "Scripts.txt"))
let version = File.ReadLines(Path.Combine(folder, "LineBreak.txt")) |> Seq.head

let isUnspaced point (breaks: string, category: string) =
    let script =
        scriptOf |> Map.tryFind point |> Option.map fst |> Option.defaultValue ""

    let isLetter = category[0] = 'L'
    let isInWord = isLetter || category[0] = 'M' || category = "Nl" || category = "No"

    isInWord
    && (classes.Contains breaks
        // Marks of iteration and length.
        || (breaks = "NS" && isLetter)
        || scripts.Contains script
        // Tone marks of Hangul, and voicing marks of kana.
        || (breaks = "CM" && (script = "Hangul" || point = 0x3099 || point = 0x309A)))

let ranges (points: seq<int>) =
    let add (done', last) point =
        match last with
        | Some(first, previous) when previous + 1 = point -> done', Some(first, point)
        | Some range -> range :: done', Some(point, point)
        | None -> done', Some(point, point)

    let done', last = Seq.fold add ([], None) points
    Option.toList last @ done' |> List.rev

let unspaced =
    Seq.append
        (lineBreaks
         |> Map.toSeq
         |> Seq.filter (fun (point, value) -> isUnspaced point value)
         |> Seq.map fst)
        (seq {
            for first, last in reserved do
                yield! seq { first..last }
        })
    |> Seq.distinct
    |> Seq.sort
    |> ranges

let modifiers =
    lineBreaks
    |> Map.toSeq
    |> Seq.filter (fun (_, (breaks, _)) -> breaks = "EM")
    |> Seq.map fst
    |> ranges

let print name comment (ranges: (int * int) list) =
    printfn "    /// %s" comment
    printfn "    let %s = [|" name

    ranges
    |> List.iter (fun (first, last) -> printfn "        struct (0x%04X, 0x%04X)" first last)

    printfn "    |]"

printfn "/// Ranges of characters, made by tools/word-ranges.fsx from Unicode's %s and" (version.TrimStart('#', ' '))
printfn "/// Scripts.txt of the same version. Not to be edited."
printfn "module internal Matrix.Core.Search.WordRanges"
printfn ""
print "unspaced" "Letters, marks and numbers of which words are written without spaces, and Hangul." unspaced
printfn ""
print "modifiers" "Modifiers of the symbol before them." modifiers
