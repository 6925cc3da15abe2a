namespace Matrix.Properties.SmallWorlds

/// One choice on an axis of a world.
type Choice = {
    /// Its description in a report, such as `carol is banned`; "" for the ordinary choice.
    Words: string
    /// Its distance from the empty room: the number of state events and of deviations from the ordinary.
    Weight: int
}

/// One dimension of a world: a world's cases are the product of its axes. The first choice is the most ordinary.
type Axis = { Name: string; Choices: Choice[] }

/// An axis by its index in its world.
type IAxis =
    abstract Index: int

/// An axis with the values of its choices.
[<Sealed>]
type AxisOf<'a>(index: int, axis: Axis, values: 'a[]) =
    /// The axis.
    member _.Axis = axis
    /// The value of each choice.
    member _.Values = values
    /// Its index among the axes of its world.
    member _.Index = index

    interface IAxis with
        member _.Index = index

/// A case, read axis by axis. Only declared axes can be read, so that what is built once for a few axes depends on them
/// alone.
[<Sealed>]
type CaseReader(case: int[], allowed: int64) =

    let mutable allowed = allowed
    let mutable read = 0L

    /// The axes that may be read: a bit for each index.
    member _.Allowed
        with get () = allowed
        and set value = allowed <- value

    /// The axes that were read: a bit for each index. It may be set back.
    member _.Read
        with get () = read
        and set value = read <- value

    /// The value of the case on an axis.
    member _.At(axis: AxisOf<'a>) : 'a =
        let bit = 1L <<< axis.Index

        if allowed &&& bit = 0L then
            invalidOp $"{axis.Axis.Name} is read, but not declared."

        read <- read ||| bit
        axis.Values[case[axis.Index]]

/// Sets of axes.
[<RequireQualifiedAccess>]
module internal Axes =

    /// A bit for each axis.
    let mask (axes: IAxis list) : int64 =
        axes |> List.fold (fun bits axis -> bits ||| (1L <<< axis.Index)) 0L

    /// A bit for each index less than this one.
    let before (index: int) : int64 = (1L <<< index) - 1L
