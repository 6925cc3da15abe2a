/// MSC4297 (room version 12).
module Matrix.Rules.Msc4297

/// State resolution 2.1.
let stateResolution: Amendment = {
    Msc = "MSC4297"
    Title = "State resolution 2.1"
    Why =
        "State could be reset when what authorised it lay outside of the conflict. Resolution starts from nothing and \
         replays all that lies between conflicting events."
    Touches = [ "setting/state-resolution" ]
    Changes = [
        Change.Resolution(ResolutionEdit.Rename "2.1")
        Change.Resolution(
            ResolutionEdit.InsertAfter(
                ResolutionStep.Gather ConflictedPart.AuthDifference,
                ResolutionStep.Gather ConflictedPart.Subgraph
            )
        )
        Change.Resolution(
            ResolutionEdit.Replace(ResolutionStep.StartFrom Start.Unconflicted, ResolutionStep.StartFrom Start.Empty)
        )
    ]
}
