/// Makes texts comparable: lower case, one form of letters that have several. The runtime has no tables of Unicode
/// normalization here, so this covers what keyboards and file names produce: width forms, accents after letters, and
/// parts of Hangul.
module internal Matrix.Core.Search.Folding

open System
open System.Text

/// Letters, and the same letters with the mark.
let private composed =
    Map [
        0x300, ("aeioun", "àèìòùǹ")
        0x301, ("aeiouycnlrsz", "áéíóúýćńĺŕśź")
        0x302, ("aeiouwyghjsc", "âêîôûŵŷĝĥĵŝĉ")
        0x303, ("anoiu", "ãñõĩũ")
        0x304, ("aeiou", "āēīōū")
        0x306, ("agiouе", "ăğĭŏŭӗ")
        0x307, ("cegz", "ċėġż")
        0x308, ("aeiouyе", "äëïöüÿё")
        0x30A, ("au", "åů")
        0x30B, ("ou", "őű")
        0x30C, ("cdenrstz", "čďěňřšťž")
        0x327, ("cst", "çşţ")
        0x328, ("aeiu", "ąęįų")
    ]

/// Half-width katakana, from U+FF66, as full-width ones.
let private katakana = "ヲァィゥェォャュョッーアイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン"

let private voiced = "カキクケコサシスセソタチツテトハヒフヘホかきくけこさしすせそたちつてとはひふへほ"
let private semiVoiced = "ハヒフヘホはひふへほ"

/// The syllable of Hangul that two parts make together; 0 if they make none. The Unicode Standard, section 3.12.
let private syllable (last: int) (next: int) : int =
    if next >= 0x1161 && next <= 0x1175 && last >= 0x1100 && last <= 0x1112 then
        0xAC00 + ((last - 0x1100) * 21 + next - 0x1161) * 28
    elif
        next >= 0x11A8
        && next <= 0x11C2
        && last >= 0xAC00
        && last <= 0xD7A3
        && (last - 0xAC00) % 28 = 0
    then
        last + next - 0x11A7
    else
        0

/// The letter that two characters make together; 0 if they make none.
let private compose (last: int) (mark: int) : int =
    let at (letters: string) =
        if last > 0xFFFF then -1 else letters.IndexOf(char last)

    match mark with
    | 0x3099
    | 0xFF9E when last = int 'ウ' -> int 'ヴ'
    | 0x3099
    | 0xFF9E when at voiced >= 0 -> last + 1
    | 0x309A
    | 0xFF9F when at semiVoiced >= 0 -> last + 2
    | _ ->
        match composed.TryFind mark with
        | Some(letters, marked) when at letters >= 0 -> int marked[at letters]
        | _ -> syllable last mark

let private fold (point: int) : int =
    if point >= 0xFF01 && point <= 0xFF5E then
        point - 0xFEE0
    elif point >= 0xFF66 && point <= 0xFF9D then
        int katakana[point - 0xFF66]
    else
        point

let private lower (point: int) : int =
    match Rune.ToLowerInvariant(Rune point).Value with
    | 0x3C2 -> 0x3C3
    | lower -> lower

/// The code points of a text, folded. Lone surrogates become U+FFFD.
let points (text: string) : Rune[] =
    let folded = ResizeArray<Rune> text.Length

    for rune in text.EnumerateRunes() do
        // Characters without a meaning of their own, which some keyboards put into words.
        match rune.Value with
        | 0xAD
        | 0x200C
        | 0x200D
        | 0xFEFF -> ()
        // Selectors of a character's appearance.
        | point when (point >= 0xFE00 && point <= 0xFE0F) || (point >= 0xE0100 && point <= 0xE01EF) -> ()
        | point ->
            let last =
                if folded.Count = 0 || rune.IsAscii then
                    0
                else
                    folded[folded.Count - 1].Value

            match (if last = 0 then 0 else compose last point) with
            | 0 -> folded.Add(Rune(lower (fold point)))
            | both -> folded[folded.Count - 1] <- Rune both

    folded.ToArray()
