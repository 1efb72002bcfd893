package validate_test

import (
	"slices"
	"strings"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"
)

// A chart is what was rendered of one, as far as something refers to it.
type chart struct {
	kinds      []string
	deployment *appsv1.Deployment
	pods       []workload
	secrets    map[string]map[string]string // by name, what they hold
	services   []*corev1.Service
	selecting  map[string]*metav1.LabelSelector // by kind
	scaled     *autoscalingv2.HorizontalPodAutoscaler
	ingress    *networkingv1.Ingress
	monitor    *monitoringv1.ServiceMonitor
}

type workload struct {
	name string
	pod  corev1.PodSpec
}

// add keeps an object, whose name and labels must be good ones, and tells whether it runs.
func (c *chart) add(t *testing.T, object runtime.Object) (runs bool) {
	t.Helper()
	kind := object.GetObjectKind().GroupVersionKind().Kind
	c.kinds = append(c.kinds, kind)
	told, err := meta.Accessor(object)
	if err != nil {
		t.Fatal(err)
	}
	checkMeta(t, kind, told.GetName(), told.GetLabels())
	if c.selecting == nil {
		c.selecting, c.secrets = map[string]*metav1.LabelSelector{}, map[string]map[string]string{}
	}
	switch o := object.(type) {
	case *appsv1.Deployment:
		c.deployment = o
		checkMeta(t, "template", "x", o.Spec.Template.Labels)
		c.selecting[kind] = o.Spec.Selector
		c.pods = append(c.pods, workload{told.GetName(), o.Spec.Template.Spec})
	case *batchv1.Job:
		c.pods = append(c.pods, workload{told.GetName(), o.Spec.Template.Spec})
	case *corev1.Pod:
		c.pods = append(c.pods, workload{told.GetName(), o.Spec})
	case *corev1.Secret:
		c.secrets[o.Name] = o.StringData
	case *corev1.Service:
		c.services = append(c.services, o)
		c.selecting[o.Name] = &metav1.LabelSelector{MatchLabels: o.Spec.Selector}
	case *policyv1.PodDisruptionBudget:
		c.selecting[kind] = o.Spec.Selector
	case *networkingv1.NetworkPolicy:
		c.selecting[kind] = &o.Spec.PodSelector
	case *autoscalingv2.HorizontalPodAutoscaler:
		c.scaled = o
	case *networkingv1.Ingress:
		c.ingress = o
	case *monitoringv1.ServiceMonitor:
		c.monitor = o
	}
	return slices.Contains([]string{"Deployment", "Job", "Pod"}, kind)
}

func checkMeta(t *testing.T, kind, name string, all map[string]string) {
	t.Helper()
	for _, wrong := range validation.IsDNS1123Subdomain(name) {
		t.Errorf("%s %s: %s", kind, name, wrong)
	}
	for key, value := range all {
		for _, wrong := range append(validation.IsQualifiedName(key), validation.IsValidLabelValue(value)...) {
			t.Errorf("%s %s: label %s=%s: %s", kind, name, key, value, wrong)
		}
	}
}

// check looks whether what refers to another fits it.
func (c *chart) check(t *testing.T) {
	t.Helper()
	for kind, s := range c.selecting {
		selector, err := metav1.LabelSelectorAsSelector(s)
		if err != nil || selector.Empty() || !selector.Matches(labels.Set(c.deployment.Spec.Template.Labels)) {
			t.Errorf("%s: selects no server: %v %v", kind, selector, err)
		}
	}
	for _, spread := range c.deployment.Spec.Template.Spec.TopologySpreadConstraints {
		if selector, err := metav1.LabelSelectorAsSelector(spread.LabelSelector); err != nil || !selector.Matches(labels.Set(c.deployment.Spec.Template.Labels)) {
			t.Errorf("%s: spreads no server: %v", spread.TopologyKey, err)
		}
	}
	for _, w := range c.pods {
		c.checkPod(t, w)
	}
	server := c.deployment.Spec.Template.Spec.Containers[0]
	for _, s := range c.services {
		if target := s.Spec.Ports[0].TargetPort; !hasPort(server, target) {
			t.Errorf("Service %s: the server has no port %v", s.Name, target)
		}
	}
	for _, probe := range []*corev1.Probe{server.StartupProbe, server.LivenessProbe, server.ReadinessProbe} {
		if probe == nil || probe.HTTPGet == nil || !hasPort(server, probe.HTTPGet.Port) {
			t.Errorf("a probe is missing, or asks at no port of the server: %v", probe)
		}
	}
	if s := c.scaled; s != nil && (s.Spec.ScaleTargetRef.Name != c.deployment.Name || s.Spec.ScaleTargetRef.Kind != "Deployment" || c.deployment.Spec.Replicas != nil) {
		t.Errorf("HorizontalPodAutoscaler: %+v beside %v replicas", s.Spec.ScaleTargetRef, c.deployment.Spec.Replicas)
	}
	if i := c.ingress; i != nil {
		to := i.Spec.Rules[0].HTTP.Paths[0].Backend.Service
		if to.Name != c.services[0].Name || to.Port.Number != c.services[0].Spec.Ports[0].Port {
			t.Errorf("Ingress: leads to %+v", to)
		}
	}
	if m := c.monitor; m != nil {
		selector, err := metav1.LabelSelectorAsSelector(&m.Spec.Selector)
		figures := c.services[1]
		if err != nil || !selector.Matches(labels.Set(figures.Labels)) || selector.Matches(labels.Set(c.services[0].Labels)) || m.Spec.Endpoints[0].Port != figures.Spec.Ports[0].Name {
			t.Errorf("ServiceMonitor: %+v does not fit %+v", m.Spec, figures)
		}
		if figures.Labels[m.Spec.JobLabel] != "purescim" {
			t.Errorf("ServiceMonitor: alerts and dashboard want the job purescim: %s", m.Spec.JobLabel)
		}
	}
}

func hasPort(c corev1.Container, port intstr.IntOrString) bool {
	return slices.ContainsFunc(c.Ports, func(p corev1.ContainerPort) bool {
		return p.Name == port.StrVal || p.ContainerPort == port.IntVal
	})
}

// checkPod looks for rights that nobody needs, volumes that are not there, and secrets that
// the chart makes under another name or without the key.
func (c *chart) checkPod(t *testing.T, w workload) {
	t.Helper()
	s, container := w.pod.SecurityContext, w.pod.Containers[0]
	if s == nil || s.RunAsNonRoot == nil || !*s.RunAsNonRoot || s.SeccompProfile == nil || w.pod.AutomountServiceAccountToken == nil || *w.pod.AutomountServiceAccountToken {
		t.Errorf("%s: more rights than it needs: %+v", w.name, s)
	}
	if s := container.SecurityContext; s == nil || !*s.ReadOnlyRootFilesystem || *s.AllowPrivilegeEscalation || !slices.Contains(s.Capabilities.Drop, "ALL") {
		t.Errorf("%s: more rights than it needs: %+v", w.name, s)
	}
	if container.Resources.Limits.Memory().IsZero() || container.Resources.Requests.Cpu().IsZero() {
		t.Errorf("%s: no bounds: %v", w.name, container.Resources)
	}
	volumes := map[string]bool{}
	for _, v := range w.pod.Volumes {
		volumes[v.Name] = true
		for _, source := range sources(v) {
			holds, ours := c.secrets[source.Name]
			if !ours {
				if strings.HasPrefix(source.Name, "scim-purescim") {
					t.Errorf("%s: there is no Secret %s", w.name, source.Name)
				}
				continue
			}
			for _, item := range source.Items {
				if holds[item.Key] == "" {
					t.Errorf("%s: the Secret %s has no %s", w.name, source.Name, item.Key)
				}
			}
		}
	}
	for _, mount := range container.VolumeMounts {
		if !volumes[mount.Name] {
			t.Errorf("%s: there is no volume %s", w.name, mount.Name)
		}
	}
	seen := map[string]bool{}
	for _, e := range container.Env {
		if seen[e.Name] {
			t.Errorf("%s: %s is said twice", w.name, e.Name)
		}
		seen[e.Name] = true
	}
}

// sources are the Secrets of a volume.
func sources(v corev1.Volume) (all []*corev1.SecretProjection) {
	if v.Projected == nil {
		return nil
	}
	for _, source := range v.Projected.Sources {
		if source.Secret != nil {
			all = append(all, source.Secret)
		}
	}
	return all
}
