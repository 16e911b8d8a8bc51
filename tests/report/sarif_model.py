"""Structure of SARIF 2.1.0 from the published object model (`sarif-om`): known properties, mandatory ones, shapes."""

from __future__ import annotations

import attr
import sarif_om as om

# Which class the value of a property has (a list or mapping of it where the standard says so).
CHILDREN = {
    om.SarifLog: {"runs": om.Run},
    om.Run: {
        "tool": om.Tool, "automationDetails": om.RunAutomationDetails, "invocations": om.Invocation,
        "results": om.Result, "taxonomies": om.ToolComponent, "properties": om.PropertyBag,
    },
    om.Tool: {"driver": om.ToolComponent},
    om.ToolComponent: {
        "rules": om.ReportingDescriptor, "notifications": om.ReportingDescriptor, "taxa": om.ReportingDescriptor,
        "supportedTaxonomies": om.ToolComponentReference, "shortDescription": om.MultiformatMessageString,
    },
    om.ReportingDescriptor: {
        "shortDescription": om.MultiformatMessageString, "fullDescription": om.MultiformatMessageString,
        "help": om.MultiformatMessageString, "defaultConfiguration": om.ReportingConfiguration,
        "relationships": om.ReportingDescriptorRelationship,
    },
    om.ReportingDescriptorRelationship: {"target": om.ReportingDescriptorReference},
    om.ReportingDescriptorReference: {"toolComponent": om.ToolComponentReference},
    om.Invocation: {"toolExecutionNotifications": om.Notification},
    om.Notification: {
        "message": om.Message, "descriptor": om.ReportingDescriptorReference,
        "associatedRule": om.ReportingDescriptorReference,
    },
    om.Result: {
        "message": om.Message, "locations": om.Location, "relatedLocations": om.Location,
        "suppressions": om.Suppression,
    },
    om.Location: {
        "physicalLocation": om.PhysicalLocation, "logicalLocations": om.LogicalLocation, "message": om.Message,
    },
    om.PhysicalLocation: {"artifactLocation": om.ArtifactLocation, "region": om.Region},
}  # fmt: skip
LEVELS = {"none", "note", "warning", "error"}
VOCABULARY = {
    (om.Result, "kind"): {"fail"},
    (om.Result, "level"): LEVELS,
    (om.Result, "baselineState"): {"new", "unchanged", "updated", "absent"},
    (om.Notification, "level"): LEVELS,
    (om.ReportingConfiguration, "level"): LEVELS,
    (om.Suppression, "kind"): {"inSource", "external"},
    (om.Run, "columnKind"): {"utf16CodeUnits", "unicodeCodePoints"},
}


def check(value: dict, kind: type = om.SarifLog, path: str = "$") -> None:
    """Raise AssertionError for an unknown or missing property, or a value out of its vocabulary."""
    fields = {a.metadata["schema_property_name"]: a for a in attr.fields(kind) if a.metadata}
    unknown = set(value) - set(fields)
    assert not unknown, f"{path}: {unknown}"
    missing = {n for n, a in fields.items() if a.default is attr.NOTHING} - set(value)
    assert not missing, f"{path}: {missing}"
    for name, item in value.items():
        allowed = VOCABULARY.get((kind, name))
        assert allowed is None or item in allowed, f"{path}.{name}: {item}"
        child = CHILDREN.get(kind, {}).get(name)
        if child is None or child is om.PropertyBag:
            continue
        for n, part in enumerate(item if isinstance(item, list) else [item]):
            check(part, child, f"{path}.{name}[{n}]")
