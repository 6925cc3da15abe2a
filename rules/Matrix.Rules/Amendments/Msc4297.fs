/// MSC4297 (room version 12). v1.19 rooms/v12#state-resolution
module Matrix.Rules.Msc4297

/// State resolution 2.1.
let stateResolution: Amendment = {
    Msc = "MSC4297"
    Title = "State resolution 2.1"
    Why =
        "State could be reset when the events that authorised it were not in conflict. Resolution now starts from an \
         empty state and checks all events between conflicting ones again."
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
