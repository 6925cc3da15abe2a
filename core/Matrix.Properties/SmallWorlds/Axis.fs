namespace Matrix.Properties.SmallWorlds

/// One choice on an axis of a world.
type Choice = {
    /// What a report says of it, such as `carol is banned`; "" of what goes without saying.
    Words: string
    /// How far it is from nothing at all: state events that it takes, and deviations from the ordinary.
    Weight: int
}

/// A question whose answers are multiplied with those of the other axes. The first choice is the most ordinary.
type Axis = { Name: string; Choices: Choice[] }

/// What has a place among the axes of a world.
type IPlaced =
    abstract Place: int

/// An axis with what its choices stand for.
[<Sealed>]
type AxisOf<'a>(place: int, axis: Axis, values: 'a[]) =
    /// The axis.
    member _.Axis = axis
    /// What each choice stands for.
    member _.Values = values
    /// Where it stands among the axes of its world.
    member _.Place = place

    interface IPlaced with
        member _.Place = place

/// A case, read axis by axis: only those that the reader said it reads. So what is built once for a few axes depends on them alone.
[<Sealed>]
type CaseReader(case: int[], allowed: int64) =

    let mutable allowed = allowed

    /// The axes that may be read, a bit for each place.
    member _.Allowed
        with get () = allowed
        and set value = allowed <- value

    /// What was chosen.
    member _.At(axis: AxisOf<'a>) : 'a =
        if (allowed >>> axis.Place) &&& 1L = 0L then
            invalidOp $"{axis.Axis.Name} is read and not declared."

        axis.Values[case[axis.Place]]

/// Sets of axes.
[<RequireQualifiedAccess>]
module internal Axes =

    /// A bit for each place.
    let mask (axes: IPlaced list) : int64 =
        axes |> List.fold (fun bits axis -> bits ||| (1L <<< axis.Place)) 0L

    /// A bit for each place before this one.
    let before (place: int) : int64 = (1L <<< place) - 1L
