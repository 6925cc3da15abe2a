using Matrix.Core.Json;
using Matrix.Core.Push;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Users.PushRules;

namespace Matrix.Host.Api.Client.PushRules;

/// <summary>A user's push rules. v1.19 client-server-api#push-rules-api</summary>
internal sealed class PushRules(UserPushRules rules) : IEndpoints
{
    private const string Rule = "pushrules/global/{kind}/{ruleId}";

    public void Map(ClientRoutes routes)
    {
        // The specification's paths end with a slash; some clients omit it.
        // v1.19 client-server-api#get_matrixclientv3pushrules
        foreach (var path in new[] { "pushrules/", "pushrules" }) routes.Of(RouteOwner.Nobody).Get(path, AllAsync);
        // v1.19 client-server-api#get_matrixclientv3pushrulesglobal
        foreach (var path in new[] { "pushrules/global/", "pushrules/global" })
        {
            routes.Of(RouteOwner.Nobody).Get(path, GlobalAsync);
        }


        // Not in the specification, but clients ask for it: the rules of one kind, as a list.
        foreach (var path in new[] { "pushrules/global/{kind}/", "pushrules/global/{kind}" })
        {
            routes.Of(RouteOwner.Nobody).Get(path, OfKindAsync);
        }

        // v1.19 client-server-api#get_matrixclientv3pushrulesglobalkindruleid
        routes.Of(RouteOwner.Nobody).Get(Rule, (call, stop) => ShowAsync(call, static rule => rule.ToJson(), stop));
        // v1.19 client-server-api#put_matrixclientv3pushrulesglobalkindruleid
        routes.Of(RouteOwner.Caller).Put(Rule, static body => body.Whole, PutAsync, RouteOptions.AlsoSuspended);
        // v1.19 client-server-api#delete_matrixclientv3pushrulesglobalkindruleid
        routes.Of(RouteOwner.Caller).Delete(
            Rule,
            (call, stop) => EditAsync(call, static (set, kind, id) => set.Delete(kind, id), stop),
            RouteOptions.AlsoSuspended);
        // v1.19 client-server-api#get_matrixclientv3pushrulesglobalkindruleidenabled
        routes.Of(RouteOwner.Nobody).Get(Rule + "/enabled", (call, stop) => ShowAsync(call, EnabledOf, stop));
        // v1.19 client-server-api#put_matrixclientv3pushrulesglobalkindruleidenabled
        routes.Of(RouteOwner.Caller).Put(
            Rule + "/enabled",
            static body => body.Whole,
            (call, body, stop) => EditAsync(call, (set, kind, id) => set.SetEnabled(kind, id, body), stop),
            RouteOptions.AlsoSuspended);
        // v1.19 client-server-api#get_matrixclientv3pushrulesglobalkindruleidactions
        routes.Of(RouteOwner.Nobody).Get(
            Rule + "/actions",
            (call, stop) => ShowAsync(call, static rule => ((Json.Object)rule.ActionsJson).Item, stop));
        // v1.19 client-server-api#put_matrixclientv3pushrulesglobalkindruleidactions
        routes.Of(RouteOwner.Caller).Put(
            Rule + "/actions",
            static body => body.Whole,
            (call, body, stop) => EditAsync(
                call, (set, kind, id) => set.SetActions(kind, id, body, rules.Limits), stop),
            RouteOptions.AlsoSuspended);
    }

    private async ValueTask<Answer> AllAsync(Call call, CancellationToken stop) =>
        Show((await rules.OfAsync(call.Caller.UserId, stop)).ToContent());

    private async ValueTask<Answer> GlobalAsync(Call call, CancellationToken stop) =>
        Show((await rules.OfAsync(call.Caller.UserId, stop)).ToJson());

    private async ValueTask<Answer> OfKindAsync(Call call, CancellationToken stop)
    {
        if (!PushRuleKinds.TryParse(call["kind"], out var kind)) return UnknownKind(call);
        var all = await rules.OfAsync(call.Caller.UserId, stop);
        var ofKind = all.Rules.Where(rule => rule.Kind == kind).Select(static rule => Json.Of(rule.ToJson()));
        return Answer.Bytes(CanonicalJson.Bytes(Json.Of([.. ofKind])));
    }

    private ValueTask<Answer> PutAsync(Call call, JsonObject body, CancellationToken stop)
    {
        var (before, after) = (call.Query.Text("before"), call.Query.Text("after"));
        return call.Query.Problem is { } problem
            ? ValueTask.FromResult(problem)
            : EditAsync(call, (set, kind, id) => set.Put(kind, id, body, before, after, rules.Limits), stop);
    }

    private async ValueTask<Answer> ShowAsync(Call call, Func<PushRule, JsonObject> part, CancellationToken stop)
    {
        if (!PushRuleKinds.TryParse(call["kind"], out var kind)) return UnknownKind(call);
        var all = await rules.OfAsync(call.Caller.UserId, stop);
        return all.Find(kind, call["ruleId"]) is { } rule
            ? Show(part(rule))
            : Answer.NotFound("There is no such push rule.");
    }

    private async ValueTask<Answer> EditAsync(
        Call call, Func<Ruleset, PushRuleKind, string, RulesetEdit> edit, CancellationToken stop)
    {
        if (!PushRuleKinds.TryParse(call["kind"], out var kind)) return UnknownKind(call);
        var refusal = await rules.ChangeAsync(call.Caller.UserId, set => edit(set, kind, call["ruleId"]), stop);
        return refusal is null ? Answer.Empty : Answer.Error(refusal.Status, refusal.ErrCode, refusal.ToString());
    }

    private static JsonObject EnabledOf(PushRule rule) =>
        JsonObject.OfSeq([new ValueTuple<string, Json>("enabled", Json.Of(rule.Enabled))]);

    private static Answer Show(JsonObject json) => Answer.Bytes(CanonicalJson.Bytes(Json.Of(json)));

    private static Answer UnknownKind(Call call) => Answer.Error(
        404, MatrixError.Unrecognized, $"Unknown push rule kind `{call["kind"]}`.");
}
